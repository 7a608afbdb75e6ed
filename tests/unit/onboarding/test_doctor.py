"""What the doctor says of the checkout itself."""

import re
import shlex
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from champion import settings
from champion.onboarding.doctor import HELD, _docker, _look, examine_machine
from champion.orchestration import stacks
from champion.orchestration.docker import image
from champion.orchestration.stack_support.local_docker import SUPPORT
from tests.conftest import ROOT, Session, quick


def test_a_sparse_checkout_is_told_what_git_deleted_and_how_the_cone_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> None:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
        subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)

    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    git("init", "--quiet")
    for folder in ("champion", *HELD):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "kept").touch()
    (tmp_path / ".gitignore").write_text("ignored\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "all")
    assert examine_machine("none")[0].ok
    for folder in HELD:
        (tmp_path / folder / "ignored").touch()
    git("sparse-checkout", "set", "champion", "configs")
    assert not (tmp_path / "data").exists(), "git deletes ignored files with their folder"
    finding, _ = examine_machine("none")
    assert not finding.ok
    assert "leaves out .dvc/ with DVC's settings and cache, data/ with the tables, models/" in finding.found
    (command,) = re.findall(r"`git ([^`]+)`", str(finding.remedy))
    git(*shlex.split(command))
    assert examine_machine("none")[0].ok


def test_a_file_of_the_project_that_is_gone_is_a_finding_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    finding = _look("docker", lambda: (tmp_path / "requirements/image.txt").read_text(encoding="utf-8"))
    assert (finding.ok, finding.found) == (
        False,
        "requirements/image.txt cannot be read here: No such file or directory",
    )


def test_the_page_names_the_folders_of_the_cone() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    cone = next(line for line in page.splitlines() if line.startswith("$ git sparse-checkout set"))
    assert set(HELD) < set(cone.split())


def test_the_image_that_is_looked_for_is_the_one_of_this_use_case(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = SUPPORT.image
    assert plain is not None
    built = {f"{plain.name}:{plain.content_hash()}"}
    engine = SimpleNamespace(info=dict, images=SimpleNamespace(list=lambda name: [name] if name in built else []))
    monkeypatch.setattr(image, "connect", lambda: engine)
    boosted = quick(candidates={"boosted": {"estimator": "lightgbm.LGBMClassifier"}})
    elsewhere = _docker(session.workspace(boosted))
    assert elsewhere.endswith("the image with lightgbm is built at the first run"), "of a run with --stack docker"
    with stacks.activated(session.client, "docker"):
        assert _docker(session.workspace(quick())).endswith("the image is built")
        assert _docker(session.workspace(boosted)).endswith("the image with lightgbm is built at the first run")
        built.add(f"{plain.name}:{SUPPORT.having(('lightgbm',)).image.content_hash()}")
        assert _docker(session.workspace(boosted)).endswith("the image with lightgbm is built")
        session.write("import pytest", "features/own.py")
        found = _look("docker", lambda: _docker(session.workspace(quick(code=["features/own.py"]))))
    assert not found.ok
    assert found.found.startswith(
        "features/own.py imports pytest, which is installed here and not in the image of the stack docker."
    )
