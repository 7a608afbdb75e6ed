"""A rehearsal of the workflows on this machine, before anything is pushed: ``make rehearse``.

The `run:` lines are those of ``.github/workflows``, each one make target, in a clean clone, on the real Docker stack.
Google Drive and GitHub are doubles on loopback.
"""
