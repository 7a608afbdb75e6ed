"""The REST service over a production package, without ZenML, DVC and pandas.

The hot path is `champion.serving.predict`; everything else is a FastAPI application around it (`champion.serving.app`).
"""
