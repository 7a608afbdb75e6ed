"""The stage: a repository with its clones, the doubles, and a runner that carries a job out as GitHub would."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from devtools.checkout import Checkout, environment
from tests.conftest import copy_project
from tests.containers.rehearsal.workflow import applies, filled_in, read_job
from tests.support.doubles.drive import GoogleDrive
from tests.support.doubles.github import API, REPOSITORY, GitHub

ROOT = Path(__file__).resolve().parents[3]
WRITES, READS = "a-token-that-may-write", "a-token-that-may-read"
KEPT = ("PATH", "LANG", "DOCKER_HOST", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
TIME_LIMIT = 1800


@dataclass
class Ran:
    """How a job ended: each step's make target with its exit code, all that was printed, and the runner's checkout."""

    steps: list[tuple[str, int]] = field(default_factory=list)
    said: str = ""
    folder: Path = Path()

    @property
    def code(self) -> int:
        """The first exit code that is not 0, else 0."""
        return next((code for _, code in self.steps if code), 0)


class Stage:
    """Everything that a rehearsal needs, in a folder; `tell` is told what goes on."""

    def __init__(self, folder: Path, drive: GoogleDrive, github: GitHub, tell: Callable[[str], None]) -> None:
        self.folder, self.drive, self.github, self.tell = folder, drive, github, tell
        self.origin = folder / "origin.git"
        self.author = Checkout(folder / "work", environment(foreign=()))
        self.artifacts = folder / "comment"  # where comment-on-fork.yml unpacks it
        self.robot = drive.service_account()
        github.tokens |= {WRITES: True, READS: False}
        self._runs = 0

    def found(self, change: Callable[[Path], None]) -> None:
        """Make the repository from a changed copy of the project, with a Drive folder as its DVC remote."""
        copy_project(self.author.root)
        change(self.author.root)
        self.git("init", "--quiet", "--initial-branch", "main")
        for command in (["add", "--default", "drive", f"gdrive://{self.drive.folder(self.robot)}"],
                        ["modify", "drive", "gdrive_trash_only", "true"]):  # fmt: skip
            self.author.run("python", "-m", "dvc", "remote", *command)
        self.author.commit("Start")
        self.git("clone", "--quiet", "--bare", str(self.author.root), str(self.origin))
        self.git("remote", "add", "origin", str(self.origin))

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """``git`` in the author's clone, or in another folder."""
        return Checkout(folder or self.author.root, self.author.env).run("git", *arguments).stdout.strip()

    def branch(self, name: str, change: Callable[[Path], None], message: str) -> str:
        """A branch off main with one change, pushed; its commit."""
        self.git("fetch", "--quiet", "origin", "main")
        self.git("checkout", "--quiet", "-B", name, "origin/main")
        change(self.author.root)
        self.git("commit", "--quiet", "--all", "--message", message)
        self.git("push", "--quiet", "--force", "origin", name)
        return self.git("rev-parse", "HEAD")

    def merge(self, name: str) -> None:
        """Merge a branch into main."""
        self.git("checkout", "--quiet", "-B", "main", "origin/main")
        self.git("merge", "--quiet", "--no-ff", "--message", f"Merge {name}", name)
        self.git("push", "--quiet", "origin", "main")

    def share(self, label: str, name: str, table: bytes) -> None:
        """Have a table on the remote and its pointer on main, as its author would."""
        clone, home = self.runner(label), self.folder / "homes" / label
        (clone / name).write_bytes(table)
        surroundings = self._surroundings(clone, home, {}) | {"GDRIVE_CREDENTIALS_DATA": json.dumps(self.robot)}
        for line in (f".venv/bin/dvc add --quiet {name}", f"make push ARGS={name}.dvc"):
            Checkout(clone, surroundings).run(*line.split())
        self.git("add", f"{name}.dvc", folder=clone)
        self.git("commit", "--quiet", "--message", f"New rows in {name}", folder=clone)
        self.git("push", "--quiet", "origin", "main", folder=clone)

    def take_back(self) -> None:
        """Undo the last commit on main, as its author would."""
        self.git("fetch", "--quiet", "origin", "main")
        self.git("checkout", "--quiet", "-B", "main", "origin/main")
        self.git("revert", "--no-edit", "HEAD")
        self.git("push", "--quiet", "origin", "main")

    def pointer(self) -> str:
        """The pointer of iris on main."""
        return self.git("--git-dir", str(self.origin), "show", "main:models/iris.dvc")

    def runner(self, label: str) -> Path:
        """A fresh clone; the environments of this project are lent to it, since it would install the same."""
        clone = self.folder / "runners" / label
        clone.parent.mkdir(exist_ok=True)
        self.git("clone", "--quiet", str(self.origin), str(clone), folder=self.folder)
        for name in (".venv", ".venv-drive"):
            if (ROOT / name).is_dir():
                (clone / name).symlink_to(ROOT / name)
        (clone / ".uv/bin").mkdir(parents=True)
        (clone / ".uv/bin/uv").touch()  # never called, since the environments are there
        with (clone / ".git/info/exclude").open("a") as exclude:
            exclude.write(".venv\n.venv-drive\n.uv\n")
        for pinned in (clone / "requirements").iterdir():
            os.utime(pinned, (0, 0))  # no newer than the environments
        return clone

    def run(
        self,
        label: str,
        job: str,
        clone: Path,
        event: dict[str, str],
        *,
        fork: bool = False,
        file: str = "mlops-pipeline",
    ) -> Ran:
        """Carry out the steps of a job of a workflow in a runner's clone.

        `label` names it in what is printed; `event` has the values of the file's expressions that come from the event. A
        fork's pull request gets no secrets, and a token that may only read.
        """
        plan = read_job(clone / f".github/workflows/{file}.yml", job)
        values = {**self._values(fork), **event}
        self._runs += 1
        home = self.folder / "homes" / label
        home.mkdir(parents=True)
        common = {**self._surroundings(clone, home, event), **filled_in(plan.environment, values)}
        ran, outputs = Ran(folder=clone), {}
        for step in plan.steps:
            if not applies(step.condition, ran.code != 0, fork, outputs):
                continue
            if step.uses:
                self._stand_in(step.uses, step.given, clone)
            if step.run:
                own = {**common, **filled_in(step.environment, values)}
                if step.run == "make ci-image":
                    own.pop("REPO_TOKEN", None)  # there is no registry here: the image is built, not pushed
                self._step(label, step.run, own, clone, ran)
                outputs |= _outputs(home / "output")
        return ran

    def _step(self, label: str, line: str, env: dict[str, str], clone: Path, ran: Ran) -> None:
        self.tell(f"{label}: {line}")
        done = subprocess.run(
            line.split(), cwd=clone, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False, timeout=TIME_LIMIT,
        )  # fmt: skip
        ran.steps.append((line, done.returncode))
        ran.said += f"$ {line}\n{done.stdout}"
        if done.returncode:
            self.tell(f"{label}: {line} ended with exit code {done.returncode}")

    def _stand_in(self, action: str, given: object, clone: Path) -> None:
        """What of an action matters here: the artifact with the comment's facts."""
        name = action.partition("@")[0]
        assert isinstance(given, dict)
        if name == "actions/upload-artifact" and given["name"] == "comment":
            source = clone / str(given["path"])
            if source.is_file():
                self.artifacts.mkdir(exist_ok=True)
                shutil.copy2(source, self.artifacts / source.name)

    def _values(self, fork: bool) -> dict[str, str]:
        secret = "" if fork else json.dumps(self.robot)
        return {
            "github.token": READS if fork else WRITES,
            "secrets.GDRIVE_CREDENTIALS_DATA": secret,
            "secrets.ZENML_STORE_URL": "",
            "secrets.ZENML_STORE_API_KEY": "",
            "vars.DVC_REMOTE_URL": "",  # the remote stands in .dvc/config
            "vars.IMAGE": "",
            "inputs.table || vars.DRIFT_DATA": "",
            "runner.temp": str(self.folder),
        }

    def _surroundings(self, clone: Path, home: Path, event: dict[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in os.environ if name in KEPT or name.startswith(("PIP_", "UV_"))}
        return {
            **kept,
            "HOME": str(home),
            "CI": "true",
            "CML": shutil.which("cml") or str(ROOT / "tests/support/doubles/cml.py"),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "ada",
            "GITHUB_API_URL": f"{self.github.url}{API}",
            "GITHUB_SERVER_URL": self.github.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(1000 + self._runs),
            "GITHUB_REF": event.get("github.ref", "refs/heads/main"),
            "GITHUB_REF_NAME": event.get("github.ref", "refs/heads/main").removeprefix("refs/heads/"),
            "GITHUB_SHA": self.git("rev-parse", "HEAD", folder=clone),
            "GITHUB_OUTPUT": str(home / "output"),
            "GITHUB_STEP_SUMMARY": str(home / "summary.md"),
            "HTTPS_PROXY": self.drive.url,
            "HTTPLIB2_CA_CERTS": str(self.drive.authority),
            "NO_PROXY": "127.0.0.1,localhost",
            "ZENML_ANALYTICS_OPT_IN": "false",
        }


def _outputs(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    pairs = (line.partition("=")[::2] for line in path.read_text(encoding="utf-8").splitlines())
    return {name: value for name, value in pairs if name}
