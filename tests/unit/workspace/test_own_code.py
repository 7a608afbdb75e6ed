"""The own code of a checkout: what is refused before anything of it is run, and what git once had."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from champion.errors import ConfigurationError
from champion.modeling.own.code import OwnCode
from champion.use_case.learning import Candidate
from champion.use_case.whole import parse_use_case
from champion.workspace.own_code import is_of_history, read_own_code
from champion.workspace.workspace import Workspace
from tests.support import own_examples

BOTH = ["features/ratios.py", "features/helpers.py"]


def workspace(root: Path, code: list[str], estimator: str = "features.ratios.Nearest") -> Workspace:
    raw = {"name": "one", "data": {"path": "x.csv", "target": "y"}, "code": code}
    use_case = parse_use_case({**raw, "candidates": {"own": {"estimator": estimator}}}, "configs/one.yaml")
    return Workspace(root, root / "configs/one.yaml", use_case)


def test_the_modules_that_a_use_case_names_are_read_and_not_run(tmp_path: Path) -> None:
    own_examples.write(
        tmp_path, {**own_examples.FILES, "features/ratios.py": own_examples.RATIOS + "\nraise SystemExit\n"}
    )
    own = read_own_code(workspace(tmp_path, BOTH))
    assert own is not None
    assert sorted(own.files) == sorted(BOTH)
    assert read_own_code(workspace(tmp_path, [], "sklearn.tree.DecisionTreeClassifier")) is None


def test_what_cannot_go_with_the_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    own_examples.write(tmp_path)
    outside = tmp_path.parent / "outside.py"
    outside.touch()
    (tmp_path / "features/link.py").symlink_to(outside)
    (tmp_path / "features/latin.py").write_bytes(b"x = '\xe9'\n")
    (tmp_path / "features/broken.py").write_text("x = 1\ndef (\n", encoding="utf-8")

    def refused(code: list[str]) -> str:
        with pytest.raises(ConfigurationError) as caught:
            read_own_code(workspace(tmp_path, code))
        return str(caught.value)

    assert "features/ratio.py does not exist in this checkout. Did you mean 'features/ratios.py'?" in refused(
        ["features/ratio.py"]
    )
    assert "is a link to a file outside of this checkout. Put the file itself there." in refused(["features/link.py"])
    assert "features/latin.py is no UTF-8 text. Save it as UTF-8." in refused(["features/latin.py"])
    assert "code: features/broken.py, line 2, is no Python: " in refused(["features/broken.py"])
    said = "ratios.py imports features.helpers, a module of this checkout that `code` does not name. Add features/helpers.py"
    assert said in refused(BOTH[:1])
    said = "own: features.ratios.Nearest is of a module of this checkout. Name it: code: ['features/ratios.py']"
    assert said in refused([])
    inside = workspace(tmp_path, [])
    params = {"estimator": {"estimator": "features.ratios.Nearest"}}
    bagging = Candidate(estimator="sklearn.ensemble.BaggingClassifier", params=params)
    bagged = replace(inside, use_case=inside.use_case.model_copy(update={"candidates": {"own": bagging}}))
    with pytest.raises(ConfigurationError, match=r"candidates\.own: features\.ratios\.Nearest is of a module of this"):
        read_own_code(bagged)
    for path in ("../x.py", "/x.py", "features/x", "a-b/x.py"):
        with pytest.raises(ConfigurationError, match="expected the path of a module from the checkout on"):
            workspace(tmp_path, [path])


def test_code_is_known_where_the_history_of_the_checkout_has_it_at_its_path(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet", "--initial-branch=main")
    former, later = own_examples.own(), own_examples.own(scale="factor")
    own_examples.write(tmp_path)
    assert not is_of_history(tmp_path, former), "nothing is committed"
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    own_examples.write(tmp_path, {path: data.decode() for path, data in later.files.items()})
    assert is_of_history(tmp_path, former)
    assert not is_of_history(tmp_path, later), "not committed"
    git("commit", "--quiet", "-a", "-m", "two")
    assert is_of_history(tmp_path, later)
    assert is_of_history(tmp_path, former), "what it once had"
    assert not is_of_history(tmp_path, OwnCode({f"other/{path}": data for path, data in former.files.items()}))
    git("checkout", "--quiet", "-b", "aside")
    own_examples.write(tmp_path, {"features/ratios.py": "raise SystemExit"})
    git("commit", "--quiet", "-a", "-m", "three")
    git("checkout", "--quiet", "main")
    assert not is_of_history(tmp_path, OwnCode({"features/ratios.py": b"raise SystemExit"})), "of another branch"
