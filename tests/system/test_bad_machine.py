"""A machine that lets a run down: no permission, no room, Ctrl-C, no HOME, no git. A sentence, and nothing lost."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from champion.errors import DONE, FAILED, StoreError
from champion.failures import of_a_warning
from tests.support.trained import ODD, TrainedCheckout

INTERRUPTED = 130


@contextlib.contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[None]:
    """Something else mounted over a folder, for a while."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    done = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine lets nobody mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder that nobody can write to; root can write to any but a read-only mount."""
    if os.geteuid() != 0:
        subprocess.run(["chmod", "-R", "a-w", folder], check=True)
        try:
            yield
        finally:
            subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        return
    with mounted(folder, "--bind", str(folder)):
        done = subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("this machine cannot mount a folder read-only")
        yield


@contextlib.contextmanager
def full(folder: Path, afterwards: int = 0) -> Iterator[None]:
    """A folder on a disk of its own without room; so many bytes are free when `.filler` is gone."""
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    size = sum(4096 * (1 + len(content) // 4096) for content in kept.values()) + afterwards
    with mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        for path, content in kept.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        with contextlib.suppress(OSError), (folder / ".filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(1024))
        yield


def test_a_folder_that_cannot_be_written_is_told_before_the_run(trained: TrainedCheckout, tmp_path: Path) -> None:
    trained.better()
    for folder, said in {
        "models": "Nothing was run: models",
        "reports": "Nothing was run: reports",
        ".zenml": "",
    }.items():
        with read_only(trained.root / folder):
            says = (said, "cannot be written", "permission")
            trained.refuses(FAILED, "train", says=says)
    trained.iris().to_csv(tmp_path / "flowers.csv", index=False)
    before = trained.state()
    with read_only(trained.root):
        assert "cannot be written" in trained.ends(FAILED, "train")
        said = trained.ends(FAILED, "init", str(tmp_path / "flowers.csv"), "--target", "species")
        assert "nothing was changed" in said
    assert trained.state() == before
    trained.still_works()


def test_a_full_disk_leaves_the_old_package_and_the_next_command_writes_the_new_one(trained: TrainedCheckout) -> None:
    former = trained.state()["package"]
    trained.better()
    with full(trained.root / "models"):
        said = trained.ends(FAILED, "train")
        assert "could not be written to models/iris (No space left on device)" in said
        assert "the former one is untouched" in said
        found = trained.state()
        assert found["package"] == former
        assert found["models"] == [".filler", ".gitkeep", "iris"]
    assert "models/iris, which is served, holds version 1, and the champion is version 2" in trained.ends(
        DONE, "models"
    )
    assert "models/iris was written anew" in trained.still_works()
    assert trained.manifest()["model_version"] == 2


def test_a_store_without_room_is_told_and_works_again_when_there_is_some(trained: TrainedCheckout) -> None:
    trained.better()
    with full(trained.root / ".zenml", afterwards=2**24):
        said = trained.ends(FAILED, "train")
        assert "No space left" in said or "disk is full" in said
        assert "Make room" in said
        (trained.root / ".zenml/.filler").unlink()
        trained.still_works()


def test_ctrl_c_in_the_middle_of_a_step_ends_at_once_and_changes_nothing(
    trained: TrainedCheckout, tmp_path: Path
) -> None:
    (tmp_path / "odd.py").write_text(ODD, encoding="utf-8")
    config = trained.with_use_case(candidates={"odd": {"estimator": "odd.Interrupting"}})
    before = trained.state()
    said = trained.ends(INTERRUPTED, "train", "--config", config, env={"PYTHONPATH": str(tmp_path)})
    assert "Interrupted. Production is whole" in said
    assert trained.state() == before
    trained.still_works()


@pytest.mark.parametrize(
    "moments",
    [
        ("1.0", "promote"),
        pytest.param(("0.5", "1.5", "prepare", "train_tree", "evaluate", "report"), marks=pytest.mark.long),
    ],
)
def test_ctrl_c_at_any_moment_leaves_one_champion(trained: TrainedCheckout, moments: tuple[str, ...]) -> None:
    trained.better()
    for moment in moments:
        at_a_moment = moment.replace(".", "").isdigit()  # also while it imports what it needs
        process = trained.start("train")
        if at_a_moment:
            time.sleep(float(moment))
        else:
            next(line for line in process.stderr if line.split()[:1] == [moment])
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=300)
        assert "Traceback" not in out + errors, errors
        assert process.returncode in (INTERRUPTED, DONE), out + errors
    trained.still_works()
    assert trained.git("status", "--porcelain") == ""


def test_it_runs_from_another_folder_without_git_and_with_no_home_or_one_that_is_read_only(
    trained: TrainedCheckout, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    trained.ends(DONE, "models", cwd=tmp_path)
    trained.ends(DONE, "train", env={"HOME": "/nonexistent"}, warm=False)
    trained.better()
    trained.ends(DONE, "train", env={"PATH": str(tmp_path / "bin")})
    assert trained.manifest()["commit"] is None
    assert trained.manifest()["model_version"] == 2
    with read_only(trained.home):
        trained.ends(DONE, "train", warm=False)


def test_without_a_dvc_repository_it_trains_and_doctor_says_so(trained: TrainedCheckout) -> None:
    shutil.rmtree(trained.root / ".dvc")
    trained.ends(DONE, "train")
    assert "this folder is no DVC repository" in trained.ends(FAILED, "doctor")


def test_a_checkout_whose_path_has_spaces_and_accents_works(trained: TrainedCheckout, tmp_path: Path) -> None:
    root = tmp_path / "my café (1)"
    shutil.copytree(trained.backup, root, symlinks=True, ignore=shutil.ignore_patterns(".zenml"))
    moved = TrainedCheckout(root, trained.home, backup=trained.backup)
    moved.iris().to_csv(tmp_path / "les fleurs.csv", index=False)
    assert "Wrote configs/les_fleurs.yaml" in moved.ends(
        DONE, "init", str(tmp_path / "les fleurs.csv"), "--target", "species"
    )
    moved.still_works()


def test_a_warning_that_is_an_error_is_told_with_the_library_that_gives_it_and_not_blamed_on_what_it_broke(
    trained: TrainedCheckout, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = {"__name__": "library.part"}
    exec("import warnings\ndef old(): warnings.warn('It is old.')", library)

    def opened() -> None:
        try:
            library["old"]()
        except Warning:
            raise StoreError("The store cannot be opened.") from None

    with warnings.catch_warnings(action="error"), pytest.raises(StoreError) as raised:
        opened()
    for options, said in {
        ("ignore",): None,
        ("e::UserWarning",): "library gives one: UserWarning: It is old. Run",
    }.items():
        monkeypatch.setattr(sys, "warnoptions", list(options))
        assert (said or "None") in str(of_a_warning(raised.value))

    done = trained.command(sys.executable, "-W", "error", "run.py", "models", expect=None, warm=False)
    assert done.returncode in (DONE, FAILED), "what libraries warn of depends on the Python"
    if done.returncode == FAILED:
        assert "Python was told to make errors of warnings" in done.stderr
        assert "The ZenML store" not in done.stderr
