"""LightGBM, XGBoost and CatBoost answer the same before a model is written, after it is read, in batch and in the service."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.bundle.build import array_predictor, needs_pandas, predictor
from champion.bundle.model import dumps, loads
from champion.errors import ConfigurationError, PackageError
from champion.modeling.arrays import block_of
from champion.modeling.estimators import build_pipeline, check_candidates, with_params
from champion.modeling.features import Feature, model_frame
from champion.modeling.libraries import LIBRARIES
from champion.use_case.learning import Candidate
from champion.use_case.whole import parse_use_case
from tests.support import packages
from tests.support.one_reader import assert_read_alike, case_of, learn

LIGHTGBM, XGBOOST, CATBOOST = "lightgbm.LGBMClassifier", "xgboost.XGBClassifier", "catboost.CatBoostClassifier"
FEW = {LIGHTGBM: {"n_estimators": 8, "min_child_samples": 5}, XGBOOST: {"n_estimators": 8}, CATBOOST: {"iterations": 8}}
LABELS = {"text": ["no", "yes"], "whole": [7, 3, 5], "boolean": [True, False]}
NAME = "length, in [cm] <all>"


def table(labels: str) -> pd.DataFrame:
    """Rows with gaps, -999 for a number, whole-number and text categories, and a category of which the holdout has most."""
    random, rows = np.random.default_rng(0), 240
    kind, code = random.integers(0, 4, rows), random.integers(0, 3, rows)
    size = random.normal(size=rows) + kind
    classes = np.array(LABELS[labels], dtype=object)
    made = pd.DataFrame(
        {
            NAME: np.where(random.random(rows) < 0.1, np.nan, size.round(3)),
            "marked": np.where(random.random(rows) < 0.2, -999.0, (size - code).round(3)),
            "kind of": np.array(["a b", "ü", "[x]", "<y>"], dtype=object)[kind],
            "wet": np.where(size > 1, "yes", "no"),
            "n": random.random(rows).round(6),
            "y": classes[(kind + code + (size > 2)) % len(classes)],
        }
    )
    made.loc[random.random(rows) < 0.1, "kind of"] = None
    return made


def extra(path: str) -> dict[str, Any]:
    return {XGBOOST: {"missing": -999}}.get(path, {})


@pytest.mark.parametrize("labels", list(LABELS))
@pytest.mark.parametrize("path", [LIGHTGBM, XGBOOST, CATBOOST])
def test_every_reader_gets_the_same_answers_of_a_booster(path: str, labels: str, tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    table(labels).to_csv(file, index=False)
    early = {"early_stopping_rounds": 2} if labels == "whole" else {}
    candidate = Candidate(estimator=path, params={**FEW[path], **extra(path), **early})
    learned = learn(file, case_of(file), candidate=candidate)
    assert_read_alike(learned, file)

    package = learned.package
    whole, fast = predictor(package, "models/one"), array_predictor(package, "models/one")
    asked = learned.table.copy()
    asked["kind of"] = np.where(np.arange(len(asked)) % 2, "never seen", asked["kind of"].astype(object))
    nothing = asked.assign(**{"kind of": pd.Series([None] * len(asked), dtype="str"), NAME: np.nan})
    for rows in (learned.table, asked, nothing):
        answered = whole.predict(rows)
        assert answered.probabilities is not None
        assert np.isfinite(answered.probabilities).all()
        turned = whole.predict(rows[rows.columns[::-1]]).probabilities
        np.testing.assert_array_equal(turned, answered.probabilities)
        served = fast.predict(block_of(model_frame(rows, package.manifest.signature), package.manifest.signature))
        np.testing.assert_array_equal(served.probabilities, answered.probabilities)
        np.testing.assert_array_equal(served.values, answered.values)
    again = loads(dumps(whole.pipeline), "again")
    frame = model_frame(asked, package.manifest.signature)
    np.testing.assert_array_equal(again.predict_proba(frame), whole.pipeline.predict_proba(frame))
    assert dumps(whole.pipeline) == package.files["model.skops"], "the same model makes the same file"


def rows_of(classes: int = 3) -> tuple[Any, Any]:
    random = np.random.default_rng(1)
    codes = np.arange(150) % classes
    rows = np.c_[random.normal(size=(150, 2)) + codes[:, None], random.integers(0, 5, 150)]
    rows[random.random(rows.shape) < 0.1] = np.nan
    rows[:, 2] = np.nan_to_num(rows[:, 2])
    return rows, codes


CATEGORIES: dict[str, dict[str, Any]] = {
    LIGHTGBM: {"categorical_feature": [2]},
    XGBOOST: {"feature_types": ["q", "q", "c"], "enable_categorical": True},
    CATBOOST: {"cat_features": [2]},
}


def own_answers(path: str, params: dict[str, Any], rows: Any, codes: Any) -> Any:
    """What the library's own estimator answers."""
    if path == LIGHTGBM:
        import lightgbm

        model = lightgbm.LGBMClassifier(verbose=-1, n_jobs=1, **params)
        return model.fit(rows, codes, categorical_feature=[2]).predict_proba(rows)
    if path == XGBOOST:
        import xgboost

        return xgboost.XGBClassifier(n_jobs=1, **CATEGORIES[path], **params).fit(rows, codes).predict_proba(rows)
    import catboost

    mixed = rows.astype(object)
    mixed[:, 2] = rows[:, 2].astype(int)
    pool = catboost.Pool(mixed, codes, cat_features=[2])
    model = catboost.CatBoostClassifier(thread_count=4, verbose=0, allow_writing_files=False, **params)
    return model.fit(pool).predict_proba(pool)


@pytest.mark.parametrize(
    ("path", "classes", "more"),
    [
        *((path, classes, {}) for path in (LIGHTGBM, XGBOOST, CATBOOST) for classes in (2, 3)),
        (CATBOOST, 3, {"loss_function": "MultiClassOneVsAll"}),
    ],
)
def test_a_booster_answers_as_its_librarys_own_estimator(path: str, classes: int, more: dict[str, Any]) -> None:
    """CatBoost 1.2.10 asks `model_info` of its JSON for the loss, and answers by another one in silence where that is gone."""
    rows, codes = rows_of(classes)
    params = {**FEW[path], "random_state": 0, **more}
    model = LIBRARIES[path.partition(".")[0]].adapted(path)(**params, **CATEGORIES[path]).fit(rows, codes)
    np.testing.assert_allclose(model.predict_proba(rows), own_answers(path, params, rows, codes), atol=1e-12)


@pytest.mark.parametrize("path", [LIGHTGBM, XGBOOST, CATBOOST])
def test_early_stopping_keeps_the_best_rounds_alone_and_labels_need_not_follow_each_other(path: str) -> None:
    rows, codes = rows_of(2)
    many = {"early_stopping_rounds": 3, FEW[path] and next(iter(FEW[path])): 400, "random_state": 0}
    model = LIBRARIES[path.partition(".")[0]].adapted(path)(**many).fit(rows, codes * 5 + 2)
    text = model.text_.decode()
    found = {
        LIGHTGBM: text.count("Tree="),
        XGBOOST: text.count('"left_children"'),
        CATBOOST: text.count('"leaf_values"'),
    }
    assert 0 < found[path] < 300
    assert set(model.predict(rows)) == {2, 7}


WITHOUT_PANDAS = """
import importlib, sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Without())
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError:
        print(name)
"""


def test_a_service_shows_pandas_to_the_libraries_that_cannot_be_imported_without() -> None:
    libraries = [name for name, library in LIBRARIES.items() if library.GROUP]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PANDAS, *libraries], capture_output=True, text=True, check=True
    )
    need = [name for name in libraries if LIBRARIES[name].IMPORTS_PANDAS]
    assert done.stdout.split() == need == ["catboost"]
    for path in (LIGHTGBM, XGBOOST, CATBOOST):
        inside = {"estimators": [{"name": "one", "estimator": path}]}
        package = packages.package(estimator="sklearn.ensemble.VotingClassifier", params=inside)
        assert needs_pandas(package) is (path == CATBOOST)


@pytest.mark.skipif(sys.platform != "linux", reason="where there are no files in memory, a folder is needed")
def test_a_model_of_catboost_is_read_where_no_file_may_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, codes = rows_of(2)
    model = LIBRARIES["catboost"].adapted(CATBOOST)(**FEW[CATBOOST]).fit(rows, codes)
    monkeypatch.delattr(tempfile, "TemporaryDirectory")
    again = model.read(model.text_, rows.shape[1], 2)
    np.testing.assert_array_equal(again.predict(rows), model.model_.predict(rows))


def changed(text: str, old: str, new: str) -> bytes:
    assert old in text
    return text.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("path", "old", "new", "reason"),
    [
        (LIGHTGBM, "max_feature_idx=2", "max_feature_idx=9", "max_feature_idx=9"),
        (LIGHTGBM, "split_feature=", "split_feature=7 ", "other"),
        (LIGHTGBM, "left_child=", "left_child=9 ", "other"),
        (LIGHTGBM, "num_leaves=", "num_leaves=9", "other"),
        (XGBOOST, '"num_feature":"3"', '"num_feature":"2"', "out of its place"),
        (XGBOOST, '"left_children":[1', '"left_children":[99', "no tree"),
        (XGBOOST, '"split_indices":[', '"split_indices":[9,', "numbers where"),
        (XGBOOST, '"tree_info":[0', '"tree_info":[9', "a class that the model has not"),
        (XGBOOST, '"version":', '"learner":{},"version":', "names a key twice"),
        (CATBOOST, '"leaf_values": [', '"leaf_values": [0.5, ', "other leaves"),
        (CATBOOST, '"split_index": ', '"split_index": 99', "does not know"),
        (CATBOOST, '"hash_stride": ', '"hash_stride": 9', "a table of another width"),
    ],
)
def test_a_text_that_was_changed_is_refused_before_its_library_parses_it(
    path: str, old: str, new: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, codes = rows_of()
    library = LIBRARIES[path.partition(".")[0]]
    model = library.adapted(path)(**FEW[path], **CATEGORIES[path], random_state=0).fit(rows, codes)
    with pytest.raises(ValueError, match=reason):
        model.read(changed(model.text_.decode(), old, new), 3, 3)
    with pytest.raises(ValueError, match=r"expected|columns|answers"):
        model.read(model.text_, 4, 3)
    with pytest.raises(ValueError, match=r"expected|answers|class|num_class"):
        model.read(model.text_, 3, 4)


def test_a_changed_text_in_a_model_file_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.pipeline import make_pipeline

    rows, codes = rows_of()
    model = LIBRARIES["lightgbm"].adapted(LIGHTGBM)(**FEW[LIGHTGBM]).fit(rows, codes)
    model.text_ = model.text_.replace(b"left_child=", b"left_child=5 ", 1)
    data = dumps(make_pipeline(model))
    with pytest.raises(
        PackageError, match=r"here cannot be loaded \(ValueError: a tree of LightGBM|other trees than it says"
    ):
        loads(data, "here")


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        (LIGHTGBM, {"num_leave": 3}, "LightGBM has no parameter 'num_leave'. Did you mean 'num_leaves'?"),
        (LIGHTGBM, {"num_leaves": -3}, "LightGBM refuses these parameters"),
        (LIGHTGBM, {"objective": "l2"}, "which gives no probabilities"),
        ("lightgbm.LGBMRegressor", {}, "Did you mean 'lightgbm.LGBMClassifier'?"),
        (XGBOOST, {"max_dept": 3}, 'XGBoost does not use "max_dept"'),
        (XGBOOST, {"max_depth": "deep"}, "XGBoost refuses these parameters: Invalid Parameter format for max_depth"),
        (CATBOOST, {"dept": 3}, "CatBoost has no parameter 'dept'. Did you mean 'depth'?"),
        (CATBOOST, {"depth": -3}, "CatBoost refuses these parameters"),
    ],
)
def test_a_librarys_own_sentence_refuses_a_parameter_before_anything_is_trained(
    path: str, params: dict[str, Any], expected: str
) -> None:
    raw = {"name": "one", "data": {"path": "data/a.csv", "target": "y"}}
    use_case = parse_use_case({**raw, "candidates": {"one": {"estimator": path, "params": params}}}, "one.yaml")
    with pytest.raises(ConfigurationError, match=r"^one\.yaml: candidates\.one\.") as caught:
        check_candidates(use_case, "one.yaml")
    assert expected in str(caught.value)


def test_a_library_that_is_not_installed_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("champion.modeling.estimators.find_spec", lambda _: None)
    raw = {"name": "one", "data": {"path": "data/a.csv", "target": "y"}, "candidates": {"one": {"estimator": XGBOOST}}}
    with pytest.raises(
        ConfigurationError, match=r"needs xgboost, which is not installed here. `make xgboost` installs it"
    ):
        check_candidates(parse_use_case(raw, "one.yaml"), "one.yaml")


def test_class_weights_are_given_by_label_and_kept_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    table("text").to_csv(file, index=False)
    for path, name in ((LIGHTGBM, "class_weight"), (CATBOOST, "class_weights")):
        params = {**FEW[path], name: {"yes": 50}}
        package = learn(file, case_of(file), candidate=Candidate(estimator=path, params=params)).package
        model = predictor(package, "models/one").pipeline[-1]
        assert model.params[name] == {"1": 50} or model.params[name] == {1: 50}
        assert json.loads(json.dumps(model.params))


@pytest.mark.parametrize(
    ("path", "parameter"),
    [(LIGHTGBM, "monotone_constraints"), (XGBOOST, "monotone_constraints"), (CATBOOST, "monotone_constraints"),
     ("sklearn.ensemble.HistGradientBoostingClassifier", "monotonic_cst")],
)  # fmt: skip
def test_a_direction_is_given_by_the_name_of_a_column(path: str, parameter: str) -> None:
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"note": [f"word {at % 9} more" for at in range(200)], "size": random.normal(size=200)})
    rows["place"] = random.choice(["a", "b"], 200)
    features = [
        Feature(
            name="note",
            kind="categorical",
            dtype="str",
            nullable=False,
            free_text="sklearn" not in path,
            categories=("a",),
        ),
        Feature(name="place", kind="categorical", dtype="str", nullable=False, categories=("a", "b")),
        Feature(name="size", kind="numeric", dtype="float64", nullable=False),
    ]
    labels = (np.sin(3 * rows["size"]) + random.normal(size=200) / 4 > 0).astype(int)
    made = {name: value for name, value in FEW.get(path, {"max_iter": 8}).items() if name != "min_child_samples"}
    candidate = Candidate(estimator=path, params={**made, parameter: {"size": 1}})
    fitted = build_pipeline(candidate, features, 0, classes=2).fit(model_frame(rows, features), labels)
    asked = pd.DataFrame({"note": "word 1 more", "place": "a", "size": np.linspace(-3, 3, 50)})
    shares = fitted.predict_proba(model_frame(asked, features))[:, 1]
    assert (np.diff(shares) >= 0).all()
    assert shares[-1] > shares[0]
    wrong = Candidate(estimator=path, params={**made, parameter: {"sizes": 1}})
    with pytest.raises(ConfigurationError, match=rf"{parameter} names the column 'sizes', .* Did you mean 'size'"):
        build_pipeline(wrong, features, 0, classes=2)


@pytest.mark.parametrize(
    ("path", "parameter"),
    [(LIGHTGBM, "interaction_constraints"), (XGBOOST, "interaction_constraints"),
     ("sklearn.ensemble.HistGradientBoostingClassifier", "interaction_cst")],
)  # fmt: skip
def test_columns_that_may_act_together_are_given_by_their_names(path: str, parameter: str) -> None:
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(400, 3)), columns=["size", "age", "weight"])
    rows["note"], rows["place"] = [f"word {at % 9} more" for at in range(400)], random.choice(["a", "b"], 400)
    about = {"dtype": "str", "nullable": False}
    features = [
        Feature(name="note", kind="categorical", free_text="sklearn" not in path, categories=("a",), **about),
        *(Feature(name=name, kind="numeric", dtype="float64", nullable=False) for name in ("size", "age", "weight")),
        Feature(name="place", kind="categorical", categories=("a", "b"), **about),
    ]
    labels = ((rows["size"] > 0) ^ (rows["age"] > 0) ^ ((rows["place"] == "a") & (rows["weight"] > 0))).astype(int)

    def together(sets: Any, one: str, low: Any, high: Any) -> float:
        """How far the log-odds are from a sum of what `size` and another column say."""
        params = FEW.get(path, {"max_iter": 8}) | ({parameter: sets} if sets else {})
        candidate = Candidate(estimator=path, params=params)
        fitted = build_pipeline(candidate, features, 0, classes=2).fit(model_frame(rows, features), labels)
        fixed = {"note": "word 1 more", "age": 1.0, "weight": 1.0, "place": "a"}
        asked = [{**fixed, "size": size, one: value} for size in (-1.0, 1.0) for value in (low, high)]
        shares = fitted.predict_proba(model_frame(pd.DataFrame(asked), features))[:, 1].astype(float)
        odds = np.log(shares / (1 - shares))
        return float(abs(odds[0] - odds[1] - odds[2] + odds[3]))

    apart = [["size"], ["age", "weight"]]
    assert together(None, "age", -1.0, 1.0) > 0.1
    assert together(apart, "age", -1.0, 1.0) < 1e-4
    assert together([["age", "size"]], "age", -1.0, 1.0) > 0.1
    assert together([["size", "age", "weight"]], "place", "a", "b") < 1e-4, (
        "a column in no set is apart from those in one"
    )
    for wrong, said in (
        ([["sizes"]], r"interaction_\w+ names the column 'sizes', .* Did you mean 'size'"),
        (["size", "age"], r"interaction_\w+: found \['size', 'age'\], expected lists of names in a list"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            build_pipeline(Candidate(estimator=path, params={parameter: wrong}), features, 0, classes=2)
    named = build_pipeline(Candidate(estimator=path, params={parameter: apart}), features, 0, classes=2)
    bare = build_pipeline(Candidate(estimator=path), features, 0, classes=2)
    searched = with_params(bare, {parameter: apart}, "classification", 0, (0, 1), features)
    assert searched[-1].get_params()[parameter] == named[-1].get_params()[parameter] != apart


@pytest.mark.parametrize("path", [LIGHTGBM, XGBOOST, CATBOOST])
def test_a_booster_learns_from_the_letters_of_many_categories(path: str, tmp_path: Path) -> None:
    """What names have in common tells the class, also of names that training never saw."""
    random = np.random.default_rng(0)
    words = np.array(["senior", "junior", "chief", "deputy"])[random.integers(0, 4, 400)]
    names = [f"{word} clerk {number}" for word, number in zip(words, random.integers(0, 60, 400), strict=True)]
    rows = pd.DataFrame({"n": random.random(400).round(6), "name": names})
    labels = np.isin(words, ["senior", "chief"]).astype(int)
    known = tuple(sorted(set(names[:200])))
    assert len(known) > 50
    features = (
        Feature(name="name", kind="categorical", dtype="str", nullable=False, categories=known),
        Feature(name="n", kind="numeric", dtype="float64", nullable=False),
    )
    frame = model_frame(rows, features)
    few = (
        {"colsample_bytree": 0.5, "random_state": 0} if path == XGBOOST else {}
    )  # else its first trees ask the name alone
    params = {**FEW[path], "monotone_constraints": {"n": 1}, **few}
    fitted = build_pipeline(Candidate(estimator=path, params=params), features, 0, classes=2)
    fitted.fit(frame[:200], labels[:200])
    new = np.flatnonzero(~rows["name"].isin(known))
    assert (fitted.predict(frame.iloc[new]) == labels[new]).mean() > 0.75
    again = loads(dumps(fitted), "again")
    np.testing.assert_array_equal(again.predict_proba(frame), fitted.predict_proba(frame))
