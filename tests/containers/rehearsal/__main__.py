"""``make rehearse``: play the workflows before anything is pushed, leave the comments as files, print what happened.

The `run:` lines are those of ``.github/workflows``, each one make target, in a clean clone, on the real Docker stack.
Google Drive and GitHub are doubles on loopback.
"""

import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from champion.orchestration.docker.engine import connect
from tests.conftest import ROOT
from tests.containers.rehearsal.images import taken_away
from tests.containers.rehearsal.stage import Scene, Stage
from tests.containers.rehearsal.story import Rehearsal
from tests.support.doubles.drive import GoogleDrive
from tests.support.doubles.github import GitHub, Secure


def rehearse(folder: Path, out: Path) -> list[Scene]:
    """Play the scenes in a folder; comments and logs are left in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.*"):
        old.unlink()
    folder.mkdir(exist_ok=True)
    with (
        taken_away(connect()),
        GoogleDrive(folder / "authority") as drive,
        GitHub() as github,
        Secure(github, folder) as secure,
    ):
        play = Rehearsal(Stage(folder, drive, github, secure))
        try:
            play.play()
        finally:
            for number, scene in enumerate(play.scenes, 1):
                stem = f"{number}-{scene.title.replace(' ', '-')}"
                (out / f"{stem}.log").write_text(scene.said, encoding="utf-8")
                if scene.comment:
                    (out / f"{stem}.md").write_text(scene.comment, encoding="utf-8")
        assert drive.count("POST .*upload"), f"nothing was pushed to Drive; {out} has the logs"
        assert not drive.refused, f"somebody asked for {drive.refused}"
    return play.scenes


def main() -> int:
    """Rehearse; the exit code says whether every step ended well."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # what it made is taken away then, too
    out = ROOT / "reports/rehearsal"
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        scenes = rehearse(Path(folder), out)
    table = Table("scene", "make targets", "champion on main", "comment or issue")
    for scene in scenes:
        broken = "\n".join(f"{line}: exit {code}" for line, code in scene.steps if code)
        steps = broken or f"{len(scene.steps)}, all well"
        table.add_row(scene.title, steps, str(scene.champion or "none"), scene.headline)
    Console().print(table)
    print(f"Comments and logs: {out}")
    print("Doubles on this machine: Google Drive, GitHub; cml where it is not installed. The image was not pushed.")
    return next((code for scene in scenes for _, code in scene.steps if code), 0)


if __name__ == "__main__":
    sys.exit(main())
