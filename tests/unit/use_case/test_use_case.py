import re
from typing import Any

import pytest

from champion.errors import ConfigurationError
from champion.use_case.learning import Candidate, Data, Split, Training
from champion.use_case.policy import Drift, Promotion
from champion.use_case.whole import NAME_RULE, UseCase, is_name, job_name, parse_use_case


def raw(**changes: Any) -> dict[str, Any]:
    """A right use case, with these keys changed; None takes a key out."""
    settled: dict[str, Any] = {
        "name": "iris",
        "data": {"path": "data/iris.csv", "target": "species"},
        "candidates": {"forest": {"estimator": "sklearn.ensemble.RandomForestClassifier"}},
        **changes,
    }
    return {key: value for key, value in settled.items() if value is not None}


def refusal(found: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_use_case(found, "configs/iris.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, "found an empty file, expected a mapping"),
        ([1], "found a list, expected a mapping"),
        (raw(candidates={"params": {"estimator": "a.B", "serch": {}}}),
         "unknown key 'candidates.params.serch'. Did you mean 'search'?"),
        (raw(split={"zzzz": 1}),
         "unknown key 'split.zzzz'. Allowed are: by, column, cutoff, horizon, min_overlap, repeats, salt, share."),
        (raw(data=None), "the key 'data' is missing; it is required."),
        (raw(data={"path": "a"}), "the key 'data.target' is missing"),
        (raw(promotion={"guardrails": {"f1": float("inf")}}), "promotion.guardrails.f1: found inf"),
        (raw(data={"path": "a", "target": "b", "drop": ["b"]}), "the target 'b' stands in data.drop or data.kinds"),
        (raw(data={"path": "a", "target": "b", "drop": ["c"], "kinds": {"c": "text"}}),
         "'c' stands in data.drop and in data.kinds; keep one of the two"),
        (raw(split={"by": "group", "column": "species"}), "split.column 'species' is the target"),
        (raw(candidates={name: {"estimator": "a.B"} for name in ("forest", "forest_")}),
         "the candidates 'forest' and 'forest_' have one label in a cluster (train_forest)"),
        (raw(candidates={name: {"estimator": "a.B"} for name in ("a" * 57, "a" * 58)}), "the candidates 'aaa"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_file_key_and_what_is_allowed(found: object, expected: str) -> None:
    """Each kind once; docs/use-case.md shows the mistakes of each key, and tests/docs holds it to them."""
    assert refusal(found).startswith(f"configs/iris.yaml: {expected}")


@pytest.mark.parametrize("name", ["iris-", "iris_", "-iris", "_iris", "Iris", "i" * 61, "", "-", "iris\n"])
def test_a_name_that_a_label_would_not_take_is_none(name: str) -> None:
    assert refusal(raw(name=name)) == f"configs/iris.yaml: name: found {name!r}, expected {NAME_RULE}."
    assert not is_name(name)


@pytest.mark.parametrize("name", ["iris", "i", "7", "demo_pumps", "a-b_c", "a--b__c", "i" * 60])
def test_a_name_is_taken_by_labels_and_tags_and_where_no_underscore_is_by_names_of_jobs(name: str) -> None:
    assert parse_use_case(raw(name=name), "configs/iris.yaml").name == name
    assert is_name(name)
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", name), (
        "as Kubernetes has it of a label's value"
    )
    assert re.fullmatch(r"\w[\w.-]{0,127}", name), "as the OCI distribution has it of a tag"
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", job_name(name)), "RFC 1123"


def test_every_mistake_is_told_at_once() -> None:
    assert len(refusal(raw(split={"share": 2, "by": "day"}, nane="x")).splitlines()) == 3


def test_column_names_are_taken_as_they_are_and_stay() -> None:
    data = parse_use_case(raw(data={"path": "a.csv", "target": " 100%", "drop": [" 100% "]}), "iris.yaml").data
    assert (data.target, data.drop) == (" 100%", (" 100% ",))
    with pytest.raises(ValueError, match="frozen"):
        data.target = "other"  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("change", "depends"),
    [
        ({"name": "other"}, False),
        ({"promotion": Promotion(min_score=0.5)}, False),
        ({"split": Split(min_overlap=5)}, False),
        ({"data": Data(path="elsewhere.csv", target="species")}, False),
        ({"candidates": {"other": Candidate(estimator="a.B")}}, False),
        ({"data": Data(path="data/iris.csv", target="other")}, True),
        ({"promotion": Promotion(metric="f1_macro")}, True),
        ({"training": Training(folds=3)}, True),
        ({"training": Training(seed=1)}, True),
        ({"split": Split(by="group", column="who")}, True),
        ({"candidates": dict.fromkeys(("one", "other"), Candidate(estimator="a.B"))}, True),
    ],
)
def test_what_fitting_depends_on_is_its_key(change: dict[str, Any], depends: bool) -> None:
    found = parse_use_case(raw(), "iris.yaml")
    assert (found.model_copy(update=change).fitting() != found.fitting()) is depends


def test_the_exams_key_has_what_an_exam_depends_on() -> None:
    found = parse_use_case(raw(promotion={"guardrails": {"f1_macro": -0.02}}), "iris.yaml")
    tolerant = found.model_copy(update={"promotion": Promotion(guardrails={"f1_macro": -0.5})})
    stricter = found.model_copy(update={"promotion": Promotion(guardrails={"recall_macro": 0.0})})
    assert tolerant.comparison_rules() == found.comparison_rules() != stricter.comparison_rules()
    assert found.model_copy(update={"split": Split(min_overlap=5)}).comparison_rules() != found.comparison_rules()


def test_every_key_is_described_for_the_schema() -> None:
    for model in (UseCase, Data, Split, Candidate, Training, Promotion, Drift):
        parts = {"data", "split", "candidates", "training", "promotion", "drift"} if model is UseCase else set()
        lacking = [key for key, field in model.model_fields.items() if not field.description and key not in parts]
        assert lacking == []
