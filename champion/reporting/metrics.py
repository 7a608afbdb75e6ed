"""The scores that DVC compares between commits and experiments, and whether the run that they are of was judged here."""

import json
from pathlib import Path
from typing import Any

from champion.comparison.evaluation import Evaluation
from champion.reporting.comment import Findings

DIGITS = 6


def metrics(evaluation: Evaluation) -> dict[str, Any]:
    """The challenger's scores on its whole holdout, and every candidate's rank on the train set."""
    alone = evaluation.alone or evaluation.challenger
    return {
        "challenger": alone.candidate,
        "holdout": {name: round(value, DIGITS) for name, value in alone.scores.items()},
        "cross_validation": {
            result.name: round(result.cv_mean, DIGITS)
            for result in sorted(evaluation.candidates, key=lambda result: result.name)
            if result.cv_mean is not None
        },
        **(
            {"failed_candidates": failed}
            if (failed := sum(each.failed is not None for each in evaluation.candidates))
            else {}
        ),
        "rows": {"train": evaluation.rows.train, "holdout": evaluation.rows.holdout},
    }


def never_judged(reports: Path, name: str) -> str | None:
    """Whether the scores in the folder of reports are of another run than the last one here, such as an experiment's.

    `dvc exp apply` brings the files that a stage left, and not what the run decided. None where they are of one run, or
    one of the two is missing.
    """
    try:
        findings = Findings.model_validate_json((reports / "evaluation.json").read_bytes())
        written = json.loads((reports / "metrics.json").read_bytes())
    except (OSError, ValueError):
        return None
    if written == json.loads(json.dumps(metrics(findings.evaluation))):
        return None
    return (
        f"reports/{name}/metrics.json is of a run that was never judged on this machine, such as an experiment's: `python "
        f"run.py train` judges what stands in the workspace"
    )
