"""Operations around a run: the files of the workspace, DVC, the ZenML client and its Model Control Plane.

ml + ops = MLOps. Steps call this room only where an effect is their job; it never calls steps or pipelines.
"""
