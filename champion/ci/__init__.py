"""What the workflows call, one command a step: ``python run.py ci COMMAND``.

All input comes through environment variables (`environment` has the list), so each command runs on a laptop too. What one
step must tell the next stands in ``reports/ci.json`` and ``reports/<use case>/ci.json`` (`runs`).
"""
