"""A second task is its modules and its name: the rest of the house finds them by it, and needs no edit."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
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
from champion.drift.labels import Live as LiveProtocol
from champion.drift.report import LiveScore
from champion.drift.rows import DriftRequest, compared
from champion.errors import DataError
from champion.modeling.equivalence import check_equivalence
from champion.modeling.estimators import check_candidates
from champion.modeling.evaluation import PairedTest
from champion.modeling.predictor import Predictor
from champion.modeling.preparation import prepare_table
from champion.modeling.split import rule_for
from champion.modeling.table import check
from champion.modeling.tasks import TASKS, judging, learning, target
from champion.modeling.tasks.answer import AnswerForm
from champion.modeling.tasks.classification.judging import sign_test
from champion.modeling.training import fit_candidate, rank
from champion.onboarding.initialise import initialise
from champion.reporting import comment, report
from champion.reporting.charts import Drawing, figures
from champion.reporting.drift.page import render_drift_html
from champion.reporting.html import render_html
from champion.reporting.markdown import render_markdown
from champion.reporting.metrics import metrics as written_metrics
from champion.reporting.report import CommentFigure, Figure, ReportedRun
from champion.reporting.tables import Table, columns
from champion.serving import app
from champion.serving.loaded import Champion
from champion.use_case.learning import Candidate, Data
from champion.use_case.policy import Promotion
from champion.use_case.whole import UseCase
from pipelines.drift_files import gauges
from pipelines.outputs import plots
from tests.support.browser import Page, eventually
from tests.support.packages import about
from tests.support.report_examples import lineage
from tests.support.serving.service import inside

NOTHING = staticmethod(lambda *_: [])


def check_numbers(target: pd.Series, _: int) -> list[str]:
    if not pd.api.types.is_float_dtype(target):
        raise DataError("no numbers")
    return []


class Target:
    check = staticmethod(check_numbers)
    classes_to_learn = class_counts = NOTHING
    canonical_labels = staticmethod(lambda target: target.to_numpy(dtype=object))


class Learning:
    ESTIMATOR, ESTIMATOR_NAME = RegressorMixin, "regressor"
    ALWAYS_SHOWN = ("neg_mean_absolute_error",)
    REFUSED_SCORERS: ClassVar[dict[str, str]] = {}

    scorer_names = staticmethod(lambda: ["neg_mean_absolute_error", "r2"])
    encode = staticmethod(lambda labels, _: labels.astype(float))
    parameters = staticmethod(lambda params, _: params)
    folds = staticmethod(lambda learned, _groups, fitting, _when: [*KFold(fitting.folds).split(learned)])
    needs_probabilities = staticmethod(lambda _: False)
    answers = staticmethod(lambda predictions, truth, _: (truth, predictions.values))

    @staticmethod
    def score(answers: Any, names: Any, required: str) -> dict[str, float]:
        known = {"neg_mean_absolute_error": lambda *pair: -metrics.mean_absolute_error(*pair), "r2": metrics.r2_score}
        return {name: float(known[name](*answers)) for name in (required, *names)}


class Judging:
    classes = missing_classes = doubts = NOTHING
    evidence = staticmethod(lambda answers: {"measured": {"truth": answers[0].tolist(), "answer": answers[1].tolist()}})
    smallest_gain = staticmethod(lambda *_: 0.0)
    unknown_target = staticmethod(lambda *_: None)
    sample = staticmethod(lambda _, order, most: order[:most])
    answers = staticmethod(lambda predictions, contract, classes, truth: (truth.astype(float), predictions.values))  # noqa: ARG005 - as the protocol has it

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


ANSWER = SimpleNamespace(ANY=Form.schema(), form=Form)


class Start:
    candidates = staticmethod(lambda *_: ["  ridge:", "    estimator: sklearn.linear_model.Ridge"])
    metric = staticmethod(lambda _: ["  metric: r2"])


def scatter(evaluation: Any) -> str:
    drawing, measured = Drawing(height=200), evaluation.challenger.measured
    drawing.axes(40, 40).scatter(measured["truth"], measured["answer"])
    return drawing.svg("scatter", "Truth and answer")


class Report:
    DETAILS, SECTIONS = "Size of the errors", {}
    PAIRED = "as close", "challenger closer", "champion closer", "neither"
    FIGURES = (Figure("scatter", "errors", "Truth and answer", lambda _: "On the line there is no error."),)
    COMMENT_FIGURES = (CommentFigure("Truth and answer", 2, lambda _: ["Numbers lie near a line."]),)
    PLOTS = {"answers": lambda side: [{"truth": each} for each in side.measured["truth"]]}  # noqa: RUF012 - stands for a module, whose names nobody changes

    target = staticmethod(lambda profile: f"{profile.rows} rows with a number.")
    details = staticmethod(lambda _: Table("", columns({"error": "number"}), []))
    errors = staticmethod(lambda *_: "It errs a little.")
    paired_table = staticmethod(lambda _: None)
    paired = staticmethod(lambda test: f"It came closer on {test.only_challenger_right} rows.")
    smallest_gain = staticmethod(lambda _: "")


class Live:
    WORSE = "It is farther off than when it was promoted."

    def __init__(self, manifest: Any, holdout_rows: int) -> None:
        assert (manifest.task, holdout_rows > 0) == ("numbers", True)
        self.names, self.labelled, self.error, self._differences = [], 0, None, []

    truth = staticmethod(lambda column: np.array(column.to_pylist(), dtype=float))

    def score(self, min_rows: int) -> LiveScore:
        score, low, high = (-float(np.mean(self._differences)) - more for more in (0, 0.1, -0.1))
        return LiveScore(
            metric="neg_mean_absolute_error", rows=self.labelled, unmatched=0, right=None, score=score, low=low, high=high,
            promoted=-1.0, promoted_rows=60, change_low=low + 1, change_high=high + 1, worse=True, enough=True, text="Far off.",
        )  # fmt: skip

    def count(self, predicted: Any, truth: Any) -> None:
        self.labelled += len(truth)
        self._differences += np.abs(predicted.astype(float) - truth).tolist()

    def notes(self) -> list[str]:
        return [f"off by {np.mean(self._differences):.0f}"]


MODULES = {
    "modeling.tasks": {"target": Target, "learning": Learning, "judging": Judging, "answer": ANSWER, "start": Start},
    "reporting": {"report": Report, "charts": SimpleNamespace(DRAW={"scatter": scatter})},
    "drift": {"labels": SimpleNamespace(live=Live)},
}


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The task: its modules, and its name in `Task`."""
    for room, parts in MODULES.items():
        for part, module in parts.items():
            monkeypatch.setitem(sys.modules, f"champion.{room}.numbers.{part}", module)
    for module in ("onboarding.initialise", "modeling.tasks.answer", "modeling.tasks"):
        monkeypatch.setattr(f"champion.{module}.TASKS", (*TASKS, "numbers"))
    monkeypatch.setattr("pipelines.outputs.TASKS", (*TASKS, "numbers"))
    monkeypatch.setattr(UseCase.model_fields["task"], "annotation", str)
    UseCase.model_rebuild(force=True)
    yield
    monkeypatch.undo()
    UseCase.model_rebuild(force=True)


@pytest.mark.parametrize(
    ("protocol", "made_by"),
    [(target.Target, ""), (learning.Learning, ""), (judging.Judging, ""), (report.TaskReport, ""), (AnswerForm, "form"),
     (LiveProtocol, "live")],
)  # fmt: skip
@pytest.mark.parametrize("task", TASKS)
def test_the_modules_of_a_task_have_what_their_protocols_ask(task: str, protocol: Any, made_by: str) -> None:
    room, _, part = protocol.__module__.rpartition(".")
    module = import_module(f"{room}.{task}.{part}")
    of, bound = (getattr(module, made_by), 0) if made_by else (module, 1)
    assert made_by or [name for name in protocol.__annotations__ if not hasattr(module, name)] == []
    for name, function in vars(protocol).items():
        if callable(function) and not name.startswith("_"):
            assert len(signature(getattr(of, name)).parameters) == len(signature(function).parameters) - bound, name


USE_CASE = UseCase(
    name="prices", data=Data(path="data/prices.csv", target="price"),
    promotion=Promotion(metric="neg_mean_absolute_error", guardrails={"r2": -0.5}),
    candidates={
        "mean": Candidate(estimator="sklearn.dummy.DummyRegressor"),
        "ridge": Candidate(estimator="sklearn.linear_model.Ridge", search={"alpha": (0.1, 1.0)}),
    },
).model_copy(update={"task": "numbers"})  # fmt: skip


def assert_shown(package: Any, champion: Any, page: Page) -> None:
    answers = [app._answer(each)["properties"]["predictions"]["items"] for each in (champion, None)]
    assert answers[0]["required"] == ["number", "warnings"]
    assert [each["required"][0] for each in answers[1]["anyOf"]] == ["label", "number"]
    with inside(package) as service:
        page.open(service.address)
        eventually(lambda: page.ask("!!document.querySelector('#fields .field')"), "the form")
        page.click("button", "Predict")
        eventually(lambda: "Answered by" in page.text(), "an answer")
        shown = page.text()
    assert service.asked
    assert re.search(r"Answer\s+\d+\.\d+\s+Answered by", shown)
    assert "Classes" not in shown


def assert_watched(package: Any, rows: Path) -> None:
    request = DriftRequest(rules=USE_CASE.drift, source="new.csv")
    found = compared(rows, package, request, None, lambda *_: None)
    assert (found.verdict, found.predictions, found.notes[0][:7]) == ("drift", None, "off by ")
    assert found.reason == Live.WORSE
    assert "champion_live_neg_mean_absolute_error_low" in gauges(found)
    assert "neg_mean_absolute_error now" in render_drift_html(found)


def assert_reported(evaluation: Any, decision: Any, profile: Any) -> None:
    outcome = Outcome(action="promoted", challenger=2, champion=2, replaced=1, judged=1)
    run = ReportedRun(evaluation, decision, profile, lineage(), outcome)
    html, summary = render_html(run, figures(evaluation, profile)), render_markdown(run)
    assert "On the line there is no error." in html
    assert "probabilities" not in html
    for text in (html, summary):
        assert "neg_mean_absolute_error" in text
        assert "ridge" in text
        assert f"{profile.rows} rows with a number." in text
    assert written_metrics(evaluation)["challenger"] == "ridge"
    told = "".join(comment._policy(SimpleNamespace(evaluation=evaluation, decision=decision)))
    assert '"challenger closer"' in told
    tables = plots(evaluation)
    assert [name for name, rows in tables.items() if rows] == ["answers", "importance"]
    assert tables.keys() >= {"confusion", "roc", "precision_recall"}, "a stage of dvc.yaml names them"


def test_a_further_task_is_learned_judged_packed_answered_watched_and_reported_without_an_edit(
    tmp_path: Path, numbers: None, page: Page
) -> None:
    random, learned = np.random.default_rng(0), USE_CASE
    frame = pd.DataFrame({"size": random.normal(50, 10, 300), "rooms": random.integers(1, 6, 300)})
    frame["price"] = 3.5 * frame["size"] + 20 * frame["rooms"] + random.normal(0, 5, 300)
    assert check(frame, learned) == []
    check_candidates(learned, "prices.yaml")
    rule = rule_for(frame, learned.data, learned.split)
    train, holdout, profile, plan, _ = prepare_table(frame, learned.data, rule, learned.task)

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
    assert_shown(package, champion, page)

    holdout.to_csv(tmp_path / "new.csv", index=False)
    model = array_predictor(package, "models/prices")
    out, rejects = tmp_path / "out.csv", tmp_path / "rejects.csv"
    asked_for = BatchRequest(suffix=".csv", keep=("rooms",))
    tally = predict_table(tmp_path / "new.csv", model, package.manifest, asked_for, out, rejects, lambda *_: None)
    np.testing.assert_allclose(pd.read_csv(out)["number"], expected)
    assert tally.labels == {"number": len(holdout)}

    assert_watched(package, tmp_path / "new.csv")
    assert_reported(evaluation, decision, profile)


def test_a_new_use_case_gets_the_first_task_that_takes_its_target(tmp_path: Path, numbers: None) -> None:
    (tmp_path / "data").mkdir()
    frame = pd.DataFrame({"size": np.arange(40) % 13, "sort": ["a", "b"] * 20, "price": np.arange(40) / 7})
    frame.to_csv(tmp_path / "data/houses.csv", index=False)
    for column, task, metric in (("price", "numbers", "r2"), ("sort", None, "accuracy")):
        config = initialise(tmp_path, tmp_path / "data/houses.csv", column, column).config
        written = yaml.safe_load((tmp_path / config).read_text())
        assert (written.get("task"), written["promotion"]["metric"]) == (task, metric)
