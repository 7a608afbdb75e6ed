"""The REST service over a production package.

This room answers requests with the champion: it knows package/ and ml/, and neither ZenML nor DVC nor pandas. The hot
path is `serving.predict`; everything else is a FastAPI application around it (`serving.app`).
"""
