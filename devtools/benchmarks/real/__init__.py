"""Real tables, each through `init` and `train`, beside `skrub.tabular_pipeline` on the same rows."""
