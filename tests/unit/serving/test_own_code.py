"""The service and own code: refused until it is told, and said on /model."""

import sys

import click
import numpy as np
import pandas as pd
import pytest

from champion.bundle.build import build, code_of, predictor
from champion.bundle.folder import Package
from champion.bundle.model import dumps
from champion.errors import ModelError, UntrustedCodeError
from champion.modeling.columns import infer
from champion.modeling.estimators import build_pipeline
from champion.modeling.features import model_frame, signature
from champion.modeling.own.code import using
from champion.serving.loaded import Champion
from champion.serving.options import serve_options
from champion.use_case.learning import Candidate, FeatureStep
from tests.support import own_examples, packages
from tests.support.packages import about, profile

TABLE = pd.DataFrame({"a": [2.0, 6.0, 3.0, 9.0], "b": [1.0, 2.0, 4.0, 1.0], "c": [1.0, 2.0, 3.0, 4.0]})
STEP = FeatureStep(transformer="features.ratios.Ratio", columns=("a", "b"))


@pytest.fixture
def package() -> Package:
    own, features = own_examples.own(), signature(TABLE, infer(TABLE, exclude=[], kinds={}))
    with using(own):
        pipeline = build_pipeline(Candidate(estimator="features.ratios.Nearest"), features, 0, steps=[STEP])
        pipeline.fit(model_frame(TABLE, features), np.array([0, 1, 0, 1]))
        model = dumps(pipeline)
    return build(model, profile(), own=own, **about(signature=features, classes=("no", "yes"), features=(STEP,)))


def test_a_package_with_code_is_served_only_where_that_code_or_any_is_trusted(package: Package) -> None:
    own = code_of(package, "models/one")
    assert own is not None
    for trust in ("none", "0" * 32):
        with pytest.raises(UntrustedCodeError, match=f"set SERVE_TRUST_CODE={own.hash} for a service"):
            Champion(package, "models/one", trust)
    files = ["features/helpers.py", "features/ratios.py"]
    for trust, said in (("any", "any"), (own.hash, "by its hash")):
        champion = Champion(package, "models/one", trust)
        assert champion.about["code"] == {"hash": own.hash, "files": files, "trusted": said}
        _, block = champion.rows(TABLE.to_json(orient="records").encode(), 9)
        expected = predictor(package, "models/one", (own.hash,)).predict(TABLE).values
        assert champion.predict(block).values.tolist() == expected.tolist() == [0, 0, 0, 1]


def test_where_pandas_is_missing_the_refusal_says_which_image_has_it(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("champion.bundle.build.find_spec", lambda name: None if name == "pandas" else sys)
    with pytest.raises(
        ModelError, match=r"pandas is not installed here.*run.py image --target serving --use-case iris"
    ):
        Champion(package, "models/one", "any")


def test_where_the_library_of_a_model_is_missing_the_refusal_says_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("champion.bundle.build.find_spec", lambda name: None if name == "lightgbm" else sys)
    inside = {"estimator": {"estimator": "lightgbm.LGBMClassifier"}}
    made = packages.package(estimator="sklearn.calibration.CalibratedClassifierCV", params=inside)
    with pytest.raises(
        ModelError, match=r"needs lightgbm, which is not installed here\. `make lightgbm`.*--use-case iris"
    ):
        Champion(made, "models/one")


@pytest.mark.parametrize(
    ("given", "kept"), [([], "none"), (["--trust-code"], "any"), (["--trust-code", "a" * 32], "a" * 32)]
)
def test_the_setting_is_a_flag_a_hash_or_a_variable(
    given: list[str], kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    @serve_options
    def command(**settings: object) -> object:
        return settings["trust_code"]

    assert command.main(given, standalone_mode=False) == kept
    for text, meant in (("1", "any"), ("false", "none"), ("b" * 32, "b" * 32)):
        monkeypatch.setenv("SERVE_TRUST_CODE", text)
        assert command.main([], standalone_mode=False) == meant
    monkeypatch.setenv("SERVE_TRUST_CODE", "perhaps")
    with pytest.raises(click.BadParameter, match="expected any, or the hash of own code"):
        command.main([], standalone_mode=False)
