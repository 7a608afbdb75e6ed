"""What a run reaches through its imports: what may refit a model, and what makes `dvc repro` stale."""

from pathlib import Path

import pytest
import yaml

from champion import settings
from champion.orchestration import code
from tests.conftest import ROOT

FOREIGN = ("ci", "comparison", "datastore", "drift", "onboarding", "registry", "reporting", "serving", "workspace")


@pytest.mark.parametrize("step", code.MAKING)
def test_what_trains_reaches_neither_wording_nor_policy(step: str) -> None:
    own, _ = code.reached(step)
    assert not [name for name in own for room in FOREIGN if name.startswith(f"champion.{room}")]
    assert not own & {"champion.use_case.policy", "champion.use_case.whole"}


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Files, named relative to the checkout, whose sentences somebody rewords."""
    names: set[str] = set()
    read = Path.read_bytes

    def reworded(path: Path) -> bytes:
        return read(path) + (b"# reworded" if path.relative_to(settings.root()).as_posix() in names else b"")

    monkeypatch.setattr(Path, "read_bytes", reworded)
    return names


@pytest.mark.parametrize(
    ("file", "refits"),
    [
        ("champion/comparison/decision.py", False),
        ("champion/reporting/words.py", False),
        ("champion/registry/promotion.py", False),
        ("champion/use_case/policy.py", False),
        ("champion/modeling/training.py", True),
    ],
)
def test_a_reworded_sentence_refits_nothing_and_makes_no_other_fingerprint(
    edited: set[str], file: str, refits: bool
) -> None:
    def keys() -> list[object]:
        return [code.step_version("steps.train_candidate"), code.fingerprint({}, ())]

    before = keys()
    edited.add(file)
    assert (keys() != before) is refits


def test_the_check_of_a_table_depends_on_nothing_but_reading_and_modeling() -> None:
    own, _ = code.reached("pipelines.table_check")
    rooms = {".".join(name.split(".")[:2]) for name in own}
    assert rooms == {
        "champion", "champion.errors", "champion.modeling", "champion.patching", "champion.tabular", "champion.use_case",
        "pipelines", "pipelines.table_check",
    }  # fmt: skip


def test_dvc_repro_depends_on_what_a_run_reaches() -> None:
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["train"]["do"]
    deps = [Path(dep) for dep in stage["deps"] if not dep.startswith("${")]
    own, _ = code.reached("pipelines.training")
    files = [path.relative_to(settings.root()) for path in code.files(own) if path.stat().st_size]
    inits = {Path(room, "__init__.py") for room in ("champion", "steps", "pipelines")}  # their docstring alone
    assert not [path for path in files if path not in inits and not any(path.is_relative_to(dep) for dep in deps)]
    assert not [dep for dep in deps if dep != Path("run.py") and not any(path.is_relative_to(dep) for path in files)], (
        "nobody reaches it"
    )
