"""The speed claims, each a command that measures this project beside a rival; the product imports nothing of it."""
