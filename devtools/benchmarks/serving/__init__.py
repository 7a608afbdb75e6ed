"""What one request costs, side by side: this project's service, its rivals and the floor; ``make bench-serving``.

Every rival has an environment of its own under ``.bench/`` and serves the same model, the champion of a fresh store, to
the same load.
"""
