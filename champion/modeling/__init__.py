"""Machine learning as pure functions on DataFrames and estimators.

Nothing in this room knows ZenML or DVC, and nothing reads or writes the workspace: what comes in are tables,
estimators and settings, what goes out are values. So it is tested with three-row frames, and a student can read it
from one end to the other.
"""
