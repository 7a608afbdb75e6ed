import functools
import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_array

from champion.bundle.model import dumps, loads
from champion.bundle.written import _array, check_written
from champion.errors import PackageError

ROWS, LABELS = np.arange(12.0).reshape(6, 2), [0, 1] * 3


def logistic() -> Any:
    return LogisticRegression().fit(ROWS, LABELS)


@pytest.mark.parametrize(
    ("pipeline", "found"),
    [
        (lambda: make_pipeline(CountVectorizer(), logistic()), r"CountVectorizer, made by ObjectNode"),
        (lambda: make_pipeline(logistic(), memory="cache"), r"memory='cache' in sklearn.pipeline.Pipeline"),
        (lambda: make_pipeline(FunctionTransformer(np.log1p), logistic()), r"numpy.log1p, made by FunctionNode"),
        (
            lambda: make_pipeline(FunctionTransformer(check_array), KNeighborsClassifier(weights=check_array)),
            r"check_array in sklearn.preprocessing",
        ),
        (
            lambda: make_pipeline(KNeighborsClassifier(metric=functools.partial(check_array))),
            r"metric=functools.partial in sklearn.neighbors",
        ),
        (lambda: make_pipeline(DummyClassifier(constant={1})), r"builtins.set, made by SetNode"),
    ],
)
def test_what_no_candidate_becomes_is_refused_by_name(pipeline: Callable[[], Any], found: str) -> None:
    data = skops.io.dumps(pipeline())
    with pytest.raises(PackageError, match=f"here is not as this product writes a model: found .*{found}"):
        loads(data, "here")


def test_a_file_that_names_one_object_twice_is_read_only_where_both_are_the_same() -> None:
    whole = dumps(make_pipeline(logistic()))

    def numbered(node: dict[str, Any]) -> dict[str, Any]:
        return {**node, "__id__": 1} if node.get("__loader__") == "JsonNode" else node

    target = BytesIO()
    with zipfile.ZipFile(BytesIO(whole)) as source, zipfile.ZipFile(target, "w") as changed:
        check_written(source)
        changed.writestr("schema.json", json.dumps(json.loads(source.read("schema.json"), object_hook=numbered)))
    with zipfile.ZipFile(target) as archive, pytest.raises(ValueError, match="two objects of the number 1"):
        check_written(archive)


def test_a_tree_is_looked_at_with_the_features_of_the_model_around_it() -> None:
    whole = dumps(make_pipeline(DecisionTreeClassifier(random_state=0).fit(ROWS, LABELS)))

    def narrower(node: dict[str, Any]) -> dict[str, Any]:
        if isinstance(node.get("n_features_in_"), dict):
            node["n_features_in_"] = {**node["n_features_in_"], "content": "0", "__id__": 10_000}
        return node

    target = BytesIO()
    with zipfile.ZipFile(BytesIO(whole)) as source, zipfile.ZipFile(target, "w") as changed:
        for name in source.namelist():
            text = source.read(name)
            if name == "schema.json":
                text = json.dumps(json.loads(text, object_hook=narrower)).encode()
            changed.writestr(name, text)
    with zipfile.ZipFile(target) as archive, pytest.raises(ValueError, match="a feature that the model has not"):
        check_written(archive)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(6, dtype=">i4")[::2],
        np.array(7),
        np.zeros((0, 3)),
        np.array([(1, 2.5)], dtype=[("left", "<i8"), ("threshold", "<f8")]),
        np.array(["a", "bc"]),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_an_array_is_looked_at_as_numpy_reads_it(array: Any, version: tuple[int, int]) -> None:
    file = BytesIO()
    np.lib.format.write_array(file, array, version)
    seen, read = _array(file.getvalue()), np.load(BytesIO(file.getvalue()), allow_pickle=False)
    assert (seen.dtype, seen.shape) == (read.dtype, read.shape)
    np.testing.assert_array_equal(seen, read)
    if array.size:
        with pytest.raises(ValueError, match=r"an array that is not what it says|EOF|cannot|read"):
            _array(file.getvalue()[:-1])


def test_an_array_of_objects_is_none_that_is_looked_at() -> None:
    file = BytesIO()
    np.save(file, np.array([None, {}]), allow_pickle=True)
    with pytest.raises(ValueError, match="an array that is not what it says"):
        _array(file.getvalue())
    with pytest.raises(ValueError, match=r"pickle|magic"):
        _array(b"no array")
