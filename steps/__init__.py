"""Thin ZenML steps: take artifacts, call champion/, return artifacts.

A step never reads the workspace, so the same pipeline runs on every stack. Heavy libraries are imported inside a
step's body: a run whose step is cached does not pay for them.
"""
