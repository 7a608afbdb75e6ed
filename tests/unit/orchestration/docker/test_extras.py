"""Which files of requirements/ an image needs besides: found out from a use case and from a package."""

from pathlib import Path
from typing import Any

import pytest

from champion import settings
from champion.bundle.build import build
from champion.errors import ConfigurationError
from champion.modeling.own.code import OwnCode
from champion.orchestration.docker.extras import needed_by, require_imports
from champion.orchestration.docker.image import StepImage
from champion.orchestration.stack_support.local_docker import SUPPORT
from champion.use_case.learning import FeatureStep
from champion.use_case.whole import parse_use_case
from tests.conftest import quick
from tests.support import own_examples, packages

LIGHTGBM = {"estimator": "lightgbm.LGBMClassifier"}
STACK = {
    "estimator": "sklearn.ensemble.StackingClassifier",
    "params": {"estimators": {"inner": {"estimator": "xgboost.XGBClassifier"}}},
    "search": {"final_estimator": [{"estimator": "catboost.CatBoostClassifier"}]},
}
STEP = {"transformer": "sklearn.preprocessing.StandardScaler", "columns": ["petal_length"]}


@pytest.mark.parametrize(
    ("changes", "steps", "service"),
    [
        ({}, (), ()),
        ({"candidates": {"a": LIGHTGBM}}, ("lightgbm",), ("lightgbm",)),
        ({"candidates": {"a": LIGHTGBM, "b": STACK}}, ("catboost", "lightgbm", "xgboost"), ("catboost", "lightgbm", "xgboost")),
        ({"features": [STEP]}, (), ("own-code",)),
        ({"code": ["features/ratios.py"]}, (), ("own-code",)),
    ],
)  # fmt: skip
def test_a_use_case_needs_the_libraries_of_its_candidates_at_every_depth_and_its_service_what_takes_frames(
    changes: dict[str, Any], steps: tuple[str, ...], service: tuple[str, ...]
) -> None:
    use_case = parse_use_case(quick(**changes), "configs/iris.yaml")
    assert needed_by(use_case, None, None) == steps
    assert needed_by(use_case, None, None, to_serve=True) == service


def test_a_package_needs_what_its_own_model_does_whatever_is_a_candidate_today() -> None:
    today = parse_use_case(quick(), "configs/iris.yaml")
    inner = {"estimators": {"inner": LIGHTGBM}}
    stacked = packages.package(estimator=STACK["estimator"], params=inner, libraries={"xgboost-cpu": "3"})
    assert needed_by(None, None, stacked) == needed_by(today, None, stacked) == ("lightgbm",)
    step = FeatureStep.model_validate(STEP)
    assert needed_by(None, None, packages.package(features=(step,)), to_serve=True) == ("own-code",)


def test_what_own_code_imports_counts_where_it_has_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    (tmp_path / "requirements").mkdir()
    for name in ("own-code", "numpy-like", "sample", "image"):
        (tmp_path / f"requirements/{name}.txt").touch()
    own = own_examples.own(**{"import pandas as pd": "import image, os, sample.part as pd"})
    package = build(b"model", packages.profile(), own=own, **packages.about())
    assert needed_by(None, own, None) == needed_by(None, None, package) == ("sample",)
    assert needed_by(None, None, package, to_serve=True) == ("own-code", "sample")


def test_the_image_of_a_run_has_another_name_and_further_versions_and_that_of_others_stays() -> None:
    plain, made = SUPPORT.image, SUPPORT.having(("lightgbm",)).image
    assert isinstance(plain, StepImage)
    assert isinstance(made, StepImage)
    assert made.content_hash() != plain.content_hash() == SUPPORT.having(()).image.content_hash()
    assert made.libraries().keys() - plain.libraries().keys() == {"lightgbm"}
    assert made.libraries().items() > plain.libraries().items(), "both are of one lock"


def test_own_code_that_needs_what_is_in_no_image_is_refused_before_one_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def needing(imported: str) -> OwnCode:
        return own_examples.own("here", **{"import pandas as pd": f"import os, pandas as pd\n{imported}"})

    libraries = StepImage("champion-own", "image").libraries()
    with pytest.raises(
        ConfigurationError,
        match=r"here/features/ratios.py imports pytest, .* the image of it\. .* 'pytest'",
    ):
        require_imports(needing("import pytest.raises"), libraries, "the image of it")
    for absence_is_no_matter in (
        "from yaml import safe_load",
        "import of_no_distribution_here",
        "def later():\n    import pytest",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pytest",
        "try:\n    import pytest\nexcept ImportError:\n    pytest = None",
    ):
        require_imports(needing(absence_is_no_matter), libraries, "the image of it")
    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/pytest.txt").touch()
    require_imports(needing("import pytest"), libraries, "the image of it")
