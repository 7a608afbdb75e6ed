"""What an image is built with: libraries that are needed besides, and whose own code it may run."""

from pathlib import Path

import pytest

from champion import settings
from champion.bundle import folder
from champion.bundle.build import build
from champion.errors import ConfigurationError, UntrustedCodeError
from champion.registry.image_contents import Contents, of_champion, of_pipeline, of_service
from tests.conftest import Checkout, quick
from tests.support import own_examples, packages

CODE = {"code": list(own_examples.FILES)}
BOOSTED = {"candidates": {"boosted": {"estimator": "xgboost.XGBClassifier"}}}


@pytest.fixture
def root(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two use cases: one with own code and a package of it, and one with XGBoost."""
    monkeypatch.setattr(settings, "root", lambda: checkout.root)
    own_examples.write(checkout.root)
    checkout.write_use_case(quick(**CODE))
    checkout.write_use_case(quick("boosted", **BOOSTED))
    own = own_examples.own()
    lightgbm = packages.about(estimator="lightgbm.LGBMClassifier", params={})
    folder.write(build(b"model", packages.profile(), own=own, **lightgbm), checkout.root / "models/iris")
    return checkout.root


def test_the_pipelines_image_has_what_all_use_cases_need(root: Path) -> None:
    assert of_pipeline() == Contents(("xgboost",))


def test_an_image_with_a_champion_inside_runs_its_own_code_and_no_other(root: Path) -> None:
    code_hash = own_examples.own().hash
    made = of_champion(None)
    assert made.extras == ("lightgbm", "own-code")
    assert made.arguments == {"USE_CASE": "iris", "TRUST_CODE": code_hash}
    assert f"SERVE_TRUST_CODE={code_hash}" in made.notes[0]

    own_examples.write(root, {"features/ratios.py": "# another one, never committed"})
    with pytest.raises(UntrustedCodeError, match=f"not what this checkout has or had.*{code_hash}.*--trust-code"):
        of_champion(None)
    assert of_champion("iris", trust_code=True) == made

    folder.write(packages.package(), root / "models/iris")
    assert of_champion(None) == Contents((), {"USE_CASE": "iris"})


def test_a_service_for_mounted_packages_has_what_any_candidate_and_the_present_champion_need(root: Path) -> None:
    assert of_service("iris") == Contents(("lightgbm", "own-code"), {"USE_CASE": "iris"})
    assert of_service("boosted").extras == ("xgboost",)
    (note,) = of_service(None).notes
    assert note.startswith("models/iris needs lightgbm, own-code, which this image is built without")
    assert of_service(None).extras == ()
    with pytest.raises(ConfigurationError, match=r"neither a file under configs/ nor a package.*mean 'boosted'"):
        of_service("bosted")
