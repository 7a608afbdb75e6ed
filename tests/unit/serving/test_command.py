"""`python run.py serve`: a promotion and a rollback of the same checkout reach it while it runs."""

import signal

from tests.conftest import Checkout, tree
from tests.support.serving.models import IRIS
from tests.support.serving.service import PATIENCE, Service


def test_promotion_and_rollback_reach_the_service_that_runs_and_its_port_is_taken(ready: Checkout) -> None:
    ready.write_use_case(tree(1))
    ready.train()
    with Service(ready.start("serve", "--port", "0", "--reload-seconds", "0.1")) as service:
        assert service.facts("listening")["log"].endswith("predictions/iris")
        assert service.predict(IRIS).json["model_version"] == 1
        needs = service.get("/model").json["manifest"]["memory"]
        assert needs["loading"] >= needs["loaded"] >= 16, "measured when the package was built"

        ready.write_use_case(tree(2))
        ready.train("--require-promotion")
        service.until(lambda: service.predict(IRIS).json["model_version"] == 2, "version 2")
        ready.run("rollback")
        service.until(lambda: service.predict(IRIS).json["model_version"] == 1, "version 1")

        told = ready.run("serve", "--port", str(service.port), expect=1).stderr
        assert told.startswith(
            f"Error: Port {service.port} of 127.0.0.1 cannot be listened on (Address already in use)."
        )
        assert "Traceback" not in told

        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(PATIENCE) == 0
    assert list((ready.root / "predictions" / "iris").glob("predictions-v1-*.parquet"))
    assert ready.git("status", "--porcelain", "--", "predictions") == ""
