"""Loopback doubles of what the project talks to on the internet: the unmodified clients are driven against them."""
