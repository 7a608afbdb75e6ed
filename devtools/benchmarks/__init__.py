"""The speed claims, each a command: ``python -m devtools.benchmarks`` measures this project beside a rival and prints ratios.

Nothing in this room is imported by the product. It calls the product's command line as a user would, in a temporary
copy of the working tree with a HOME, a store and a DVC cache of its own.
"""
