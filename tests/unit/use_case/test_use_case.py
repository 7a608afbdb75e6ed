from typing import Any

import pytest

from champion.errors import ConfigurationError
from champion.use_case.learning import Candidate, Data, Split, Training
from champion.use_case.policy import Drift, Promotion
from champion.use_case.whole import UseCase, parse_use_case


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


def forest(**more: Any) -> dict[str, Any]:
    return {"forest": {"estimator": "sklearn.ensemble.RandomForestClassifier", **more}}


def test_what_is_left_out_has_its_default() -> None:
    found = parse_use_case(raw(), "iris.yaml")
    assert (found.split, found.training, found.promotion) == (Split(), Training(), Promotion())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"candidtes": {}}, "unknown key 'candidtes'. Did you mean 'candidates'?"),
        ({"split": {"slat": "x"}}, "unknown key 'split.slat'. Did you mean 'salt'?"),
        ({"data": {"path": "a", "target": "b", "targt": "c"}}, "unknown key 'data.targt'. Did you mean 'target'?"),
        ({"promotion": {"min_scor": 1}}, "unknown key 'promotion.min_scor'. Did you mean 'min_score'?"),
        ({"candidates": forest(parms={})}, "unknown key 'candidates.forest.parms'. Did you mean 'params'?"),
        (
            {"candidates": {"params": {"estimator": "a.B", "serch": {}}}},
            "unknown key 'candidates.params.serch'. Did you mean 'search'?",
        ),
        (
            {"split": {"zzzz": 1}},
            "unknown key 'split.zzzz'. Allowed are: by, column, cutoff, min_overlap, salt, share.",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_valid_one(changes: dict[str, Any], expected: str) -> None:
    assert refusal(raw(**changes)) == f"configs/iris.yaml: {expected}"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"data": None}, "the key 'data' is missing"),
        ({"data": {"path": "a"}}, "the key 'data.target' is missing"),
        ({"candidates": {"forest": {}}}, "the key 'candidates.forest.estimator' is missing"),
        ({"candidates": {}}, "candidates: found {}"),
        ({"split": {"share": 1}}, "split.share: found 1. Input should be less than 1."),
        ({"split": {"share": "much"}}, "split.share: found 'much'"),
        ({"split": {"by": "day"}}, "split.by: found 'day'. Input should be 'hash', 'group' or 'time'."),
        ({"split": {"by": "group"}}, "split: split by group needs `column`, the group column."),
        ({"split": {"by": "time"}}, "split: split by time needs `column`"),
        ({"split": {"column": "who"}}, "split: `column` goes with `by: group` or `by: time`."),
        ({"split": {"cutoff": 3}}, "split: `cutoff` goes with `by: time`."),
        ({"training": {"folds": 1}}, "training.folds: found 1"),
        ({"promotion": {"min_gain": -0.1}}, "promotion.min_gain: found -0.1"),
        ({"promotion": {"min_score": float("nan")}}, "promotion.min_score: found nan"),
        ({"promotion": {"guardrails": {"f1": float("inf")}}}, "promotion.guardrails.f1: found inf"),
        ({"promotion": {"max_p_value": 2}}, "promotion.max_p_value: found 2"),
        ({"name": "Iris 2"}, "name: found 'Iris 2'"),
        ({"candidates": {"my forest": {"estimator": "a.B"}}}, "candidates.my forest: found 'my forest'"),
        ({"data": {"path": "a", "target": "b", "kinds": {"c": "number"}}}, "data.kinds.c: found 'number'"),
        ({"data": {"path": "a", "target": "b", "drop": ["b"]}}, "the target 'b' stands in data.drop or data.kinds"),
        (
            {"data": {"path": "a", "target": "b", "drop": ["c"], "kinds": {"c": "text"}}},
            "'c' stands in data.drop and in data.kinds; keep one of the two",
        ),
        ({"split": {"by": "group", "column": "species"}}, "split.column 'species' is the target"),
    ],
)
def test_a_wrong_value_is_refused_with_file_key_and_what_is_allowed(changes: dict[str, Any], expected: str) -> None:
    message = refusal(raw(**changes))
    assert message.startswith("configs/iris.yaml: ")
    assert expected in message


def test_every_mistake_is_told_at_once() -> None:
    assert len(refusal(raw(split={"share": 2, "by": "day"}, nane="x")).splitlines()) == 3


@pytest.mark.parametrize(("found", "named"), [(None, "an empty file"), ([1], "a list"), ("text", "a str")])
def test_what_is_no_mapping_is_refused(found: object, named: str) -> None:
    assert f"found {named}, expected a mapping" in refusal(found)


@pytest.mark.parametrize("name", ["Länge der Blüte", " sepal", "a.b", "100%"])
def test_column_names_are_taken_as_they_are(name: str) -> None:
    found = parse_use_case(raw(data={"path": "a.csv", "target": name, "drop": [name + " "]}), "iris.yaml")
    assert (found.data.target, found.data.drop) == (name, (name + " ",))


def test_a_use_case_cannot_be_changed() -> None:
    found = parse_use_case(raw(), "iris.yaml")
    with pytest.raises(ValueError, match="frozen"):
        found.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"promotion": Promotion(min_score=0.5)},
        {"split": Split(min_overlap=5)},
        {"data": Data(path="elsewhere.csv", target="species")},
        {"candidates": {"other": Candidate(estimator="a.B")}},
    ],
)
def test_what_fitting_does_not_depend_on_is_no_part_of_its_key(change: dict[str, Any]) -> None:
    found = parse_use_case(raw(), "iris.yaml")
    assert found.model_copy(update=change).fitting() == found.fitting()


@pytest.mark.parametrize(
    "change",
    [
        {"data": Data(path="data/iris.csv", target="other")},
        {"promotion": Promotion(metric="f1_macro")},
        {"training": Training(folds=3)},
        {"training": Training(seed=1)},
        {"split": Split(by="group", column="who")},
        {"candidates": {"one": Candidate(estimator="a.B"), "other": Candidate(estimator="a.B")}},
    ],
)
def test_what_fitting_depends_on_is_part_of_its_key(change: dict[str, Any]) -> None:
    found = parse_use_case(raw(), "iris.yaml")
    assert found.model_copy(update=change).fitting() != found.fitting()


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
