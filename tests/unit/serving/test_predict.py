"""What the service answers: the model's own labels and probabilities, by name, with what is unusual about a row."""

import json
import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from champion.bundle.build import predictor
from champion.bundle.folder import Package
from champion.bundle.parsing import parse
from champion.modeling.features import Feature
from champion.serving.loaded import Champion, _typical
from champion.serving.rows import Noted, RequestError, RowReader
from champion.use_case.learning import MISSING_WORDS
from tests.support.one_reader import case_of, learn
from tests.support.packages import write
from tests.support.serving.models import IRIS, TABLES, answers_of, made
from tests.support.serving.service import Service, over

NUMBER = Feature(name="x", kind="numeric", dtype="float64", nullable=True)


def rows_of(frame: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    """Rows as a client would send them."""
    text = frame[columns].to_json(orient="records", date_format="iso", date_unit="us", double_precision=15)
    return json.loads(text)


@pytest.mark.parametrize("model", ["FOREST", "REGRESSION", "BOOSTING"])
@pytest.mark.parametrize("table", ["iris", "mixed"])
def test_every_row_of_a_table_gets_the_models_own_answer_alone_as_among_others(table: str, model: str) -> None:
    package, frame = made(table, model), TABLES[table][0]()
    own = predictor(package, "test").predict(frame)
    rows = rows_of(frame, [feature.name for feature in package.manifest.signature])
    names = [name if isinstance(name, str) else json.dumps(name) for name in package.manifest.classes]
    for answers in (answers_of(package, rows), [answers_of(package, [row])[0] for row in rows[:40]]):
        assert [each["label"] for each in answers] == [
            package.manifest.classes[code] for code in own.values[: len(answers)]
        ]
        told = [[each["probabilities"][name] for name in names] for each in answers]
        assert np.abs(np.array(told) - own.probabilities[: len(told)]).max() <= 1e-9


@pytest.mark.parametrize("table", ["iris", "mixed"])
def test_the_service_answers_in_blocks_beyond_what_the_loop_takes(request: pytest.FixtureRequest, table: str) -> None:
    service = request.getfixturevalue(f"{table}_service")
    package = made(table, "FOREST" if table == "iris" else "BOOSTING")
    rows = rows_of(TABLES[table][0](), [feature.name for feature in package.manifest.signature])
    assert service.predict(rows).json["predictions"] == answers_of(package, rows)
    assert [service.predict(row).json["predictions"][0] for row in rows[:20]] == answers_of(package, rows[:20])


def test_an_answer_names_model_and_data_and_keeps_the_name_of_a_request_where_it_is_fit(iris_service: Service) -> None:
    answer = iris_service.predict(IRIS)
    assert (answer.status, answer.json["request_id"]) == (200, answer.headers["x-request-id"])
    assert list(answer.json) == ["request_id", "model_version", "data_version", "predictions"]
    assert (answer.json["model_version"], answer.json["data_version"]) == (1, f"{1:032x}")
    assert list(answer.json["predictions"][0]) == ["label", "probabilities", "warnings"]
    given = ["order-4711", '"}', "a b", "ü", "x" * 65, *"abcdefgh"]
    names = [iris_service.predict(IRIS, **{"X-Request-ID": name}).json["request_id"] for name in given]
    names += [iris_service.predict(IRIS).json["request_id"] for _ in range(8)]
    assert [name for name in names if name in given] == ["order-4711", *"abcdefgh"]
    assert len(set(names)) == len(names)


def test_a_number_out_of_the_range_of_training_is_a_warning(iris_service: Service) -> None:
    answer = iris_service.predict([IRIS, {**IRIS, "petal_width": 99}]).json["predictions"]
    expected = [[], ["petal_width is out of the range of training, 0.1 to 2.5."]]
    assert [each["warnings"] for each in answer] == expected


def test_an_unseen_category_and_a_late_moment_are_warnings_that_repeat_no_value(mixed_service: Service) -> None:
    example = mixed_service.example
    assert mixed_service.predict(example).json["predictions"][0]["warnings"] == []
    odd = {**example, "colour": "hunter2", "since": "2099-01-01T00:00:00Z"}
    answer = mixed_service.predict(odd)
    words = r"colour has a category unseen in training\.\nsince is out of the range of training, 2026-01-0\dT\S+Z to 2027-\S+Z\."
    assert re.fullmatch(words, "\n".join(sorted(answer.json["predictions"][0]["warnings"])))
    assert b"hunter2" not in answer.body


def test_what_may_be_missing_may_be_null_or_left_out_and_fields_come_in_any_order(mixed_service: Service) -> None:
    example = mixed_service.example
    signature = mixed_service.get("/model").json["signature"]
    nullable = [feature["name"] for feature in signature if feature["nullable"]]
    assert len(nullable) == 4
    null = mixed_service.predict({**example, **dict.fromkeys(nullable)})
    left_out = mixed_service.predict({name: value for name, value in example.items() if name not in nullable})
    assert null.status == left_out.status == 200
    assert null.json["predictions"] == left_out.json["predictions"]
    turned = mixed_service.predict(dict(reversed(example.items())))
    assert turned.json["predictions"] == mixed_service.predict(example).json["predictions"]


def test_a_category_that_is_a_number_may_be_sent_as_one(mixed_service: Service) -> None:
    example = mixed_service.example
    asked = [{**example, "grade": grade} for grade in ("2", 2, 2.0)]
    first, *others = mixed_service.predict(asked).json["predictions"]
    assert (first["warnings"], others) == ([], [first, first])


def test_a_moment_may_be_written_in_several_ways(mixed_service: Service) -> None:
    example = mixed_service.example
    ways = ("", "T00:00:00", "T00:00:00Z", "T02:00:00+02:00", " 00:00", "T00:00:00.000Z")
    asked = [{**example, "since": f"2026-03-01{way}"} for way in ways]
    first, *others = mixed_service.predict(asked).json["predictions"]
    assert others == [first] * 5


def test_a_model_without_probabilities_says_null() -> None:
    (answer,) = answers_of(made("iris", "WITHOUT_PROBABILITIES"), [IRIS])
    assert answer == {"label": "setosa", "probabilities": None, "warnings": []}


def test_the_model_and_the_description_tell_its_own_fields_and_an_answered_example(mixed_service: Service) -> None:
    package = made("mixed", "BOOSTING")
    found = mixed_service.get("/model").json
    assert list(found) == [
        "use_case", "model_version", "data_version", "created", "since", "served_since", "reason", "metric", "scores",
        "classes", "signature", "way", "example", "manifest", "card",
    ]  # fmt: skip
    assert timedelta(0) <= datetime.now(UTC) - datetime.fromisoformat(found["served_since"]) < timedelta(hours=1)
    assert found["manifest"] == package.manifest.model_dump(mode="json")
    assert found["card"].startswith("# ")
    assert found["classes"] == [0, 1]
    assert found["example"].keys() == {feature.name for feature in package.manifest.signature}
    told = mixed_service.get("/openapi.json").json
    row = told["components"]["schemas"]["Row"]
    assert list(row["properties"]) == [feature.name for feature in package.manifest.signature]
    assert row["required"] == [feature.name for feature in package.manifest.signature if not feature.nullable]
    assert "In training it was one of: 100%, blue: dark, green, red." in row["properties"]["colour"]["description"]
    examples = told["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    for example in examples.values():
        assert mixed_service.predict(example["value"]).status == 200


def test_the_model_is_named_and_rows_and_labels_and_warnings_are_counted(iris_service: Service) -> None:
    def counts() -> list[float]:
        return [
            iris_service.metric("champion_rows_total"),
            iris_service.metric("champion_predictions_total", label="setosa"),
            iris_service.metric("champion_warnings_total", kind="range"),
            iris_service.metric("champion_warned_rows_total"),
            iris_service.metric("champion_requests_total", path="/predict", status="200"),
            iris_service.metric("champion_requests_total", path="/predict", status="422"),
            iris_service.metric("champion_request_seconds_count", path="/predict"),
        ]

    info = {"use_case": "iris", "model_version": "1", "data_version": f"{1:032x}", "way": "packed"}
    assert iris_service.metric("champion_model_version") == iris_service.metric("champion_model_info", **info) == 1
    before = counts()
    iris_service.predict([IRIS, IRIS, {**IRIS, "sepal_width": 99, "petal_width": -7}])
    iris_service.predict(IRIS)
    iris_service.predict({})
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [4, 4, 2, 1, 2, 1, 3]


def test_categories_alone_and_numbers_alone_make_blocks_too() -> None:
    colour = Feature(name="colour", kind="categorical", dtype="str", nullable=True, categories=("red",))
    reader = RowReader([colour])
    found = reader.block(reader.read(b'[{"colour": "red"}, {}]', 2))
    assert found.numbers.shape == (2, 0)
    assert found.texts.astype(str).tolist() == [["red"], ["nan"]]
    reader = RowReader([NUMBER, Feature(name="paid", kind="boolean", dtype="bool", nullable=False)])
    found = reader.block(reader.read(b'[{"x": 1, "paid": true}, {"x": null, "paid": false}, {"paid": true}]', 3))
    np.testing.assert_array_equal(found.numbers, [[1, 1], [np.nan, 0], [np.nan, 1]])


def test_categories_that_are_numbers_take_every_number_and_those_that_only_look_like_them_take_text_alone() -> None:
    code = Feature(name="code", kind="categorical", dtype="int64", nullable=False, categories=("1", "3"))
    for number in ("3", "3.0", "1e2", "1" + "0" * 30):
        assert RowReader([code]).read(f'{{"code": {number}}}'.encode(), 1) == [(str(int(float(number))),)]
    for text in ("007", "1.50", "x"):
        code = Feature(name="code", kind="categorical", dtype="str", nullable=False, categories=("1", text))
        with pytest.raises(RequestError, match="expected a text"):
            RowReader([code]).read(b'{"code": 7}', 1)


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float64"])
def test_a_category_that_was_a_number_is_read_as_one_as_in_a_table_and_a_code_stays_a_text(dtype: str) -> None:
    code = Feature(name="code", kind="categorical", dtype=dtype, nullable=False, categories=("1", "7"))
    texts = ["007", "7.0", " 7", "1", "x", "-"]
    rows = RowReader([code]).read(json.dumps([{"code": text} for text in texts]).encode(), 10)
    batch = parse(pa.record_batch({"code": texts}), [code], ("", *MISSING_WORDS))
    assert [row[0] for row in rows] == batch.block.texts[:, 0].tolist() == ["007", "7", "7", "1", "x", "-"]


def test_arrow_comes_in_with_the_first_row_that_is_logged_and_pandas_never(folder: Path) -> None:
    """What else the service does without the contracts of imports hold."""
    with over(folder, "--log", str(folder.parent / "log")) as service:

        def loads(library: str) -> bool:
            return library in Path(f"/proc/{service.process.pid}/maps").read_text()

        assert service.predict(IRIS).status == 200
        assert loads("sklearn")
        assert not loads("libarrow")
        assert service.predict([IRIS] * 1000).status == 200  # enough to be written at once
        service.until(lambda: loads("libarrow"), "Arrow")
        assert service.predict(IRIS).status == 200
        assert not loads("pandas")


@pytest.mark.parametrize("table", ["iris", "mixed"])
def test_an_empty_list_is_answered_by_one(request: pytest.FixtureRequest, table: str) -> None:
    answer = request.getfixturevalue(f"{table}_service").predict([])
    assert (answer.status, answer.json["predictions"]) == (200, [])


def test_a_wrong_value_is_refused_and_a_few_of_a_long_list_are_missing_and_told() -> None:
    learned = learned_with_gaps()
    champion = Champion(learned, "test")

    def answered(wrong: dict[int, Any], rows: int = 300, field: str = "x") -> tuple[list[dict[str, Any]], int]:
        asked: list[dict[str, Any]] = [{"x": row / 2, "n": 1.0, "at": "2024-01-31"} for row in range(rows)]
        for row, value in wrong.items():
            asked[row][field] = value
        noted = Noted()
        _, block = champion.rows(json.dumps(asked).encode(), 1000, noted)
        warnings, body = champion.answer("id", block, champion.predict(block), noted.wrong)
        return json.loads(body)["predictions"], warnings.wrong if warnings else 0

    for field, value in (("x", "refused"), ("x", True), ("at", "soon")):
        found, wrong = answered({4: value, 200: value}, field=field)
        null, none = answered({4: None, 200: None}, field=field)
        said = f"{field} is of another kind than in training, and is read as missing."
        assert (wrong, none) == (2, 0)
        assert [row for row, each in enumerate(found) if said in each["warnings"]] == [4, 200]
        assert [each["probabilities"] for each in found] == [each["probabilities"] for each in null]
    refused: list[tuple[dict[int, Any], int, str]] = [
        ({0: "refused"}, 1, "x"),  # a single row
        ({0: "refused"}, 99, "x"),  # more than one in a hundred
        ({0: "refused", 1: "refused", 2: "no", 3: "no"}, 300, "x"),
        ({0: "refused"}, 300, "n"),  # training knew no missing one
        ({0: "12.5"}, 300, "x"),  # a number, for another reader
        ({0: 1e300}, 300, "x"),
        ({0: [1]}, 300, "x"),
    ]
    for wrong_values, rows, field in refused:
        with pytest.raises(RequestError) as error:
            answered(wrong_values, rows, field)
        assert (error.value.status, error.value.field) == (422, field)
    body = json.dumps([{"x": "refused", "n": 1.0}, *[{"x": 1, "n": 1.0, "at": None}] * 300]).replace(
        '"n"', '"n": 2, "n"', 1
    )
    with pytest.raises(RequestError, match="twice"):
        champion.rows(body.encode(), 1000)


def learned_with_gaps() -> Package:
    """A champion that knows missing values of `x` and `at`."""
    number = np.arange(400)
    at = pd.Timestamp("2024-01-31") + pd.to_timedelta(number, unit="D")
    frame = pd.DataFrame({"x": number / 2, "n": number * 31 % 97 / 4, "at": at.astype(str), "y": number % 2})
    frame.loc[number % 40 == 0, ["x", "at"]] = None
    with tempfile.TemporaryDirectory() as folder:
        path = write(frame, Path(folder) / "one.csv")
        return learn(path, case_of(path)).package


def test_a_model_that_needs_a_free_text_has_an_example_that_it_can_answer() -> None:
    feature = Feature(name="remark", kind="categorical", dtype="str", nullable=False, free_text=True)
    assert _typical(feature, None), (
        "an empty text is a missing value, and the model is tried with the example before it serves"
    )
