"""The library behind the pipeline: which model is in production, and why."""
