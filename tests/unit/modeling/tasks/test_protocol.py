"""A second task is its functions and a row in each table: the rest of the house asks the tables, and needs no edit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn import metrics
from sklearn.base import RegressorMixin
from sklearn.model_selection import KFold

from champion.bundle.batch import BatchRequest, predict_table
from champion.bundle.build import array_predictor, build, predictor
from champion.bundle.folder import manifest_text, parse_manifest
from champion.bundle.model import dumps
from champion.comparison.compare import ComparedModel, compare
from champion.comparison.decision import decide
from champion.comparison.evaluation import Evaluation, Outcome
from champion.drift.labels import LIVE
from champion.drift.rows import DriftRequest, compared
from champion.modeling.equivalence import check_equivalence
from champion.modeling.estimators import check_candidates
from champion.modeling.evaluation import PairedTest
from champion.modeling.predictor import Predictor
from champion.modeling.preparation import prepare_table
from champion.modeling.split import rule_for
from champion.modeling.table import check
from champion.modeling.tasks.answer import FORMS
from champion.modeling.tasks.classification.judging import sign_test
from champion.modeling.tasks.judging import JUDGING
from champion.modeling.tasks.learning import LEARNING
from champion.modeling.tasks.target import TARGETS
from champion.modeling.training import fit_candidate, rank
from champion.reporting.facts import ReportedRun
from champion.reporting.html import render_html
from champion.reporting.markdown import render_markdown
from champion.reporting.metrics import metrics as written_metrics
from champion.reporting.tables import Table, columns
from champion.reporting.tasks import TASKS
from champion.serving.loaded import Champion
from champion.use_case.learning import Candidate, Data
from champion.use_case.policy import Promotion
from champion.use_case.whole import UseCase
from pipelines.outputs import plots
from tests.support.packages import about
from tests.support.report_examples import lineage

NOTHING = staticmethod(lambda *_: [])


class Target:
    check = classes_to_learn = class_counts = NOTHING
    canonical_labels = staticmethod(lambda target: target.to_numpy(dtype=object))


class Learning:
    ESTIMATOR, ESTIMATOR_NAME, BASELINE = RegressorMixin, "regressor", "sklearn.dummy.DummyRegressor"
    ALWAYS_SHOWN = ("neg_mean_absolute_error",)

    scorer_names = staticmethod(lambda: ["neg_mean_absolute_error", "r2"])
    encode = staticmethod(lambda labels, _: labels.astype(float))
    parameters = staticmethod(lambda params, _: params)
    folds = staticmethod(lambda learned, _, fitting: [*KFold(fitting.folds).split(learned)])
    needs_probabilities = staticmethod(lambda _: False)
    answers = staticmethod(lambda predictions, truth, _: (truth, predictions.values))

    @staticmethod
    def score(answers: Any, names: Any, required: str) -> dict[str, float]:
        known = {"neg_mean_absolute_error": lambda *pair: -metrics.mean_absolute_error(*pair), "r2": metrics.r2_score}
        return {name: float(known[name](*answers)) for name in (required, *names)}


class Judging:
    classes = missing_classes = doubts = NOTHING
    evidence = staticmethod(lambda _: {})
    smallest_gain = staticmethod(lambda *_: 0.0)
    unknown_target = staticmethod(lambda *_: None)
    sample = staticmethod(lambda _, order, most: order[:most])
    answers = staticmethod(lambda predictions, contract, classes, truth: (truth.astype(float), predictions.values))  # noqa: ARG005

    @staticmethod
    def paired_test(challenger: Any, champion: Any) -> PairedTest:
        ours, theirs = (np.abs(truth - answered) for truth, answered in (challenger, champion))
        wins, losses = int((ours < theirs).sum()), int((theirs < ours).sum())
        alone = {"only_challenger_right": wins, "only_champion_right": losses}
        return PairedTest(both_right=len(ours) - wins - losses, both_wrong=0, **alone, p_value=sign_test(wins, losses))


class Form:
    def __init__(self, contract: Any) -> None:
        assert contract.classes == ()
        self.names = self.keys = ["number"]

    places = staticmethod(lambda predictions: np.zeros(len(predictions.values), dtype=np.int64))
    texts = staticmethod(lambda predictions: [repr(value) for value in predictions.values.tolist()])
    schema = staticmethod(lambda: {"number": {"type": "number"}})
    columns = staticmethod(lambda _: ("number",))
    arrays = staticmethod(lambda predictions: [pa.array(predictions.values)])

    @staticmethod
    def json_rows(predictions: Any, warnings: Any) -> list[str]:
        pairs = zip(predictions.values.tolist(), warnings, strict=True)
        return [f'{{"number":{value!r},"warnings":{each}}}' for value, each in pairs]


class Report:
    DETAILS = "Size of the errors"

    target = staticmethod(lambda profile: f"{profile.rows} rows with a number.")
    details = staticmethod(lambda _: Table("", columns({"error": "number"}), []))
    errors = staticmethod(lambda *_: "It errs a little.")
    paired_table = staticmethod(lambda _: None)
    paired = staticmethod(lambda test: f"It came closer on {test.only_challenger_right} rows.")
    smallest_gain = staticmethod(lambda _: "")


class Live:
    def __init__(self, manifest: Any, holdout_rows: int) -> None:
        assert (manifest.task, holdout_rows > 0) == ("numbers", True)
        self.names, self.labelled, self.error, self._differences = [], 0, None, []

    truth = staticmethod(lambda column: np.array(column.to_pylist(), dtype=float))
    score = staticmethod(lambda _: None)

    def count(self, predicted: Any, truth: Any) -> None:
        self.labelled += len(truth)
        self._differences += np.abs(predicted.astype(float) - truth).tolist()

    def notes(self) -> list[str]:
        return [f"off by {np.mean(self._differences):.0f}"]


@pytest.fixture(autouse=True)
def numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task, in the tables."""
    tables: list[dict[str, Any]] = [TARGETS, LEARNING, JUDGING, FORMS, TASKS, LIVE]
    for table, row in zip(tables, (Target, Learning, Judging, Form, Report, Live), strict=True):
        monkeypatch.setitem(table, "numbers", row)


USE_CASE = UseCase(
    name="prices", data=Data(path="data/prices.csv", target="price"),
    promotion=Promotion(metric="neg_mean_absolute_error", guardrails={"r2": -0.5}),
    candidates={
        "mean": Candidate(estimator=Learning.BASELINE),
        "ridge": Candidate(estimator="sklearn.linear_model.Ridge", search={"alpha": (0.1, 1.0)}),
    },
).model_copy(update={"task": "numbers"})  # fmt: skip


def test_a_further_task_is_learned_judged_packed_answered_and_reported_through_the_tables(tmp_path: Path) -> None:
    random, learned = np.random.default_rng(0), USE_CASE
    frame = pd.DataFrame({"size": random.normal(50, 10, 300), "rooms": random.integers(1, 6, 300)})
    frame["price"] = 3.5 * frame["size"] + 20 * frame["rooms"] + random.normal(0, 5, 300)
    assert check(frame, learned) == []
    check_candidates(learned, "prices.yaml")
    rule = rule_for(frame, learned.data, learned.split)
    train, holdout, profile, plan = prepare_table(frame, learned.data, rule, learned.task)

    fitted = {
        name: fit_candidate(train, plan, name, candidate, learned.fitting())
        for name, candidate in learned.candidates.items()
    }
    ranked = rank([result for _, result in fitted.values()])
    assert [result.name for result in ranked] == ["ridge", "mean"]
    sides = {
        role: ComparedModel(role, Predictor(plan, fitted[name][0]), rule, name, fitted[name][1].estimator, {}, number)
        for role, name, number in (("challenger", "ridge", None), ("champion", "mean", 1))
    }
    evaluation = compare(holdout, len(train), learned.comparison_rules(), *sides.values(), ranked)
    assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation
    decision = decide(evaluation, learned.promotion)
    assert (decision.promote, decision.reason_code) == (True, "better")
    assert evaluation.paired.only_challenger_right > len(holdout) / 2
    assert evaluation.challenger.importance[0].mean > 0

    other = Predictor(plan.model_copy(update={"task": "classification", "classes": ("no", "yes")}), fitted["mean"][0])
    of_another = replace(sides["champion"], predictor=other)
    evaluated = compare(holdout, len(train), learned.comparison_rules(), sides["challenger"], of_another, ranked)
    assert evaluated.champion_unjudged == "it was made for classification, and the use case is one of numbers"

    pipeline, result = fitted["ridge"]
    package = build(
        dumps(pipeline), profile, check_equivalence(pipeline, plan, holdout, seed=0),
        **about(task="numbers", classes=(), signature=plan.features, target="price", estimator=result.estimator, split=rule),
    )  # fmt: skip
    assert parse_manifest(manifest_text(package.manifest), "manifest.json").contract == predictor(package, "x").contract
    expected = predictor(package, "models/prices").predict(holdout).values
    asked = {"size": float(holdout["size"][0]), "rooms": int(holdout["rooms"][0])}
    champion = Champion(package, "models/prices")
    block = champion.reader.block(champion.reader.read(json.dumps(asked).encode(), 1))
    answer = json.loads(champion.encode("id", champion.predict(block), None))
    assert answer["predictions"] == [{"number": pytest.approx(expected[0]), "warnings": []}]

    holdout.to_csv(tmp_path / "new.csv", index=False)
    model = array_predictor(package, "models/prices")
    out, rejects = tmp_path / "out.csv", tmp_path / "rejects.csv"
    asked_for = BatchRequest(suffix=".csv", keep=("rooms",))
    tally = predict_table(tmp_path / "new.csv", model, package.manifest, asked_for, out, rejects, lambda *_: None)
    np.testing.assert_allclose(pd.read_csv(out)["number"], expected)
    assert tally.labels == {"number": len(holdout)}

    request = DriftRequest(rules=learned.drift, source="new.csv")
    found = compared(tmp_path / "new.csv", package, request, None, lambda *_: None)
    assert (found.verdict, found.predictions, found.notes[0][:7]) == ("none", None, "off by ")

    outcome = Outcome(action="promoted", challenger=2, champion=2, replaced=1, judged=1)
    run = ReportedRun(evaluation, decision, profile, lineage(), outcome)
    page = render_html(run, {})
    summary = render_markdown(run)
    for text in (page, summary):
        assert "neg_mean_absolute_error" in text
        assert "ridge" in text
        assert f"{len(train)} rows with a number." in text
    assert written_metrics(evaluation)["challenger"] == "ridge"
    assert plots(evaluation)["importance"]
