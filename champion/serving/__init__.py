"""The REST service over a production package.

This room answers requests with the champion: it knows package/ and ml/, and neither ZenML nor DVC nor pandas. The hot
path is `champion.serving.predict`; everything else is a FastAPI application around it (`champion.serving.app`).
"""
