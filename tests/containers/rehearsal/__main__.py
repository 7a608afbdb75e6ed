"""``make rehearse``: play it, leave the comments as files, and print what happened."""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.containers.rehearsal.stage import ROOT, Stage
from tests.containers.rehearsal.story import Rehearsal, Scene
from tests.support.doubles.drive import GoogleDrive
from tests.support.doubles.github import GitHub


def rehearse(folder: Path, out: Path) -> list[Scene]:
    """Play the scenes in a folder; comments and logs are left in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.*"):
        old.unlink()
    with GoogleDrive(folder / "authority") as drive, GitHub() as github:
        stage = Stage(folder, drive, github, tell=lambda line: print(line, file=sys.stderr, flush=True))
        play = Rehearsal(stage, github)
        try:
            play.play()
        finally:
            _leave(play.scenes, out)
        assert drive.count("POST .*upload"), f"nothing was pushed to Drive; {out} has the logs"
        assert not drive.refused, f"somebody asked for {drive.refused}"
    return play.scenes


def _leave(scenes: list[Scene], out: Path) -> None:
    for number, scene in enumerate(scenes, 1):
        stem = f"{number}-{scene.title.replace(' ', '-')}"
        (out / f"{stem}.log").write_text(scene.ran.said, encoding="utf-8")
        if scene.comment:
            (out / f"{stem}.md").write_text(scene.comment, encoding="utf-8")


def shown(scenes: list[Scene]) -> Table:
    """The scenes as a table."""
    table = Table("scene", "make targets", "champion on main", "comment or issue")
    for scene in scenes:
        broken = [f"{line}: exit {code}" for line, code in scene.ran.steps if code]
        steps = "\n".join(broken) or f"{len(scene.ran.steps)}, all well"
        table.add_row(scene.title, steps, str(scene.champion or "none"), scene.headline)
    return table


def main() -> int:
    """Rehearse; the exit code says whether every step ended well."""
    parser = argparse.ArgumentParser(prog="make rehearse", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "reports/rehearsal", help="where comments and logs go")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        scenes = rehearse(Path(folder), asked.out)
    Console().print(shown(scenes))
    print(f"Comments and logs: {asked.out}")
    print("Doubles on this machine: Google Drive, GitHub; cml where it is not installed. The image was not pushed.")
    return next((scene.ran.code for scene in scenes if scene.ran.code), 0)


if __name__ == "__main__":
    sys.exit(main())
