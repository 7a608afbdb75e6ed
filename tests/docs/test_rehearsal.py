"""The rehearsal knows every workflow that it plays, and ends where it meets what it does not know."""

from pathlib import Path

import pytest

from tests.containers.rehearsal.workflow import UnknownError, applies, filled_in, read_job
from tests.support.pages import ROOT


def test_a_run_line_an_expression_or_a_condition_that_is_not_known_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "workflow.yml"
    path.write_text("jobs: {judge: {steps: [{run: 'make ci-train && echo done'}]}}")
    with pytest.raises(UnknownError, match="one make target"):
        read_job(path, "judge")
    with pytest.raises(UnknownError, match=r"secrets\.NEW"):
        filled_in({"NAME": "${{ secrets.NEW }}"}, {})
    with pytest.raises(UnknownError, match="always"):
        applies({"if": "always()"}, failed=False, fork=False, outputs={})


def test_every_job_but_the_checks_can_be_rehearsed() -> None:
    folder = ROOT / ".github/workflows"
    for file, job in (("mlops-pipeline", "judge"), ("mlops-pipeline", "promote"), ("mlops-pipeline", "rollback"),
                      ("comment-on-fork", "comment"), ("drift-monitor", "watch"), ("drift-monitor", "retrain")):  # fmt: skip
        for step in read_job(folder / f"{file}.yml", job)[0]:
            applies(step, failed=False, fork=False, outputs={})
