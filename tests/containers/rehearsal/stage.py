"""The stage: a repository with its clones, the doubles, and a runner that carries a job out as GitHub would."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT, Checkout, make_checkout, tree
from tests.containers.rehearsal.workflow import applies, filled_in, read_job
from tests.support.doubles.drive import GoogleDrive
from tests.support.doubles.github import API, REPOSITORY, GitHub, Secure

WRITES, READS = "a-token-that-may-write", "a-token-that-may-read"
KEPT = ("PATH", "LANG", "DOCKER_HOST", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@dataclass
class Scene:
    """One thing that happened: each step's make target with its exit code, all that was printed, the number that main's
    pointer names afterwards, and the pull request's comment or the issue."""

    title: str
    steps: list[tuple[str, int]] = field(default_factory=list)
    said: str = ""
    champion: int | None = None
    comment: str = ""

    @property
    def headline(self) -> str:
        """The comment's first heading."""
        return next((line.lstrip("# ") for line in self.comment.splitlines() if line.startswith("## ")), "")


class Stage:
    """Everything that a rehearsal needs, in a folder: a repository that is a copy of the project with a weak use case, and
    a Drive folder as its DVC remote."""

    def __init__(self, folder: Path, drive: GoogleDrive, github: GitHub, secure: Secure) -> None:
        self.folder, self.drive, self.github, self.secure = folder, drive, github, secure
        self.author, self.origin = make_checkout(folder), str(folder / "origin.git")
        (folder / "comment").mkdir()  # where comment-on-fork.yml unpacks it
        github.tokens |= {WRITES: True, READS: False}
        robot = drive.service_account()
        self.robot = json.dumps(robot)
        self.author.git("clone", "--quiet", "--bare", ".", self.origin)
        self.author.git("remote", "add", "origin", self.origin)
        for path in [*self.author.root.glob("configs/*.yaml"), *self.author.root.glob("models/*.dvc")]:
            path.unlink()
        remote = f"['remote \"drive\"']\n    url = gdrive://{drive.folder(robot)}\n"
        (self.author.root / ".dvc/config").write_text(f"[core]\n    analytics = false\n    remote = drive\n{remote}")
        self.branch("main", 1)

    def branch(self, name: str, depth: int) -> str:
        """A branch off main with a tree of so many levels, pushed; its commit."""
        self.author.git("fetch", "--quiet", "origin")
        self.author.git("checkout", "--quiet", "-B", name, "origin/main")
        self.author.write_use_case(tree(depth))
        self.author.git("commit", "--quiet", "--all", "--message", f"{name}: another depth")
        self.author.git("push", "--quiet", "origin", name)
        return self.author.git("rev-parse", "HEAD").strip()

    def merge(self, name: str) -> None:
        """Merge a branch into main."""
        self.author.git("checkout", "--quiet", "-B", "main", "origin/main")
        self.author.git("merge", "--quiet", "--no-ff", "--message", f"Merge {name}", name)
        self.author.git("push", "--quiet", "origin", "main")

    def share(self, table: bytes, name: str = "data/iris-new.csv") -> None:
        """Have a table on the remote and its pointer on main, as its author would."""
        clone = self.runner()
        (clone.root / name).write_bytes(table)
        for line in (f".venv/bin/dvc add --quiet {name}", f"make push ARGS={name}.dvc"):
            done = self._call(clone, line, {"GDRIVE_CREDENTIALS_DATA": self.robot})
            assert done.returncode == 0, done.stdout
        clone.git("add", f"{name}.dvc")
        clone.git("commit", "--quiet", "--message", f"New rows in {name}")
        clone.git("push", "--quiet", "origin", "main")

    def runner(self) -> Checkout:
        """A fresh clone; the environments of this project are lent to it, since it would install the same."""
        folder = Path(tempfile.mkdtemp(prefix="runner-", dir=self.folder))
        clone = Checkout(folder / "clone", folder)
        self.author.git("clone", "--quiet", self.origin, str(clone.root))
        for name in (".venv", ".venv-drive"):
            (clone.root / name).symlink_to(ROOT / name)
        (clone.root / ".uv/bin").mkdir(parents=True)
        (clone.root / ".uv/bin/uv").touch()  # never called, since the environments are there
        (clone.root / ".git/info/exclude").write_text(".venv\n.venv-drive\n")
        for pinned in (clone.root / "requirements").iterdir():
            os.utime(pinned, (0, 0))  # no newer than the environments
        return clone

    def run(
        self, scene: Scene, clone: Checkout, job: str, event: dict[str, str], file: str, fork: bool = False
    ) -> None:
        """Carry out the steps of a job of a workflow in a runner's clone.

        `event` has the values of the file's expressions that come from the event. A fork's pull request gets no secrets,
        and a token that may only read.
        """
        steps, environment = read_job(clone.root / f".github/workflows/{file}.yml", job)
        ref = event.get("github.ref", "refs/heads/main")
        common = {**environment, "GITHUB_REF": ref, "GITHUB_REF_NAME": ref.removeprefix("refs/heads/")}
        values = {
            "github.token": READS if fork else WRITES,
            "secrets.GDRIVE_CREDENTIALS_DATA": "" if fork else self.robot,
            "secrets.ZENML_STORE_URL": "",
            "secrets.ZENML_STORE_API_KEY": "",
            "vars.DVC_REMOTE_URL": "",  # the remote stands in .dvc/config
            "vars.IMAGE": "",
            "inputs.table || vars.DRIFT_DATA": "",
            "runner.temp": str(self.folder),
            **event,
        }
        output, failed = clone.home / "output", False
        output.touch()
        for step in steps:
            outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
            if not applies(step, failed, fork, outputs):
                continue
            given = step.get("with", {})
            if given.get("name") == "comment" and (artifact := clone.root / given["path"]).is_file():
                shutil.copy2(artifact, self.folder / "comment")
            if line := step.get("run"):
                print(f"{scene.title}: {line}", file=sys.stderr, flush=True)
                own = filled_in({**common, **step.get("env", {})}, values)
                if line == "make ci-image":
                    own.pop("REPO_TOKEN", None)  # there is no registry here: the image is built, not pushed
                failed = self.step(scene, clone, line, own) != 0 or failed
        pointer = self.author.command("git", "--git-dir", self.origin, "show", "main:models/iris.dvc", expect=None)
        _, _, named = pointer.stdout.partition("model_version: ")
        scene.champion = int(named.split()[0]) if named else None

    def step(self, scene: Scene, clone: Checkout, line: str, more: Mapping[str, str] | None = None) -> int:
        """Carry out one line in a runner's clone, and note how it ended and what it said; its exit code."""
        done = self._call(clone, line, more or {})
        scene.steps.append((line, done.returncode))
        scene.said += f"$ {line}\n{done.stdout}"
        return done.returncode

    def _call(self, clone: Checkout, line: str, more: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        env = {
            **{name: os.environ[name] for name in os.environ if name in KEPT or name.startswith(("PIP_", "UV_"))},
            "HOME": str(clone.home),
            "CI": "true",
            "CML": shutil.which("cml") or str(ROOT / "tests/support/doubles/cml.py"),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "ada",
            "GITHUB_API_URL": f"{self.github.url}{API}",
            "GITHUB_SERVER_URL": self.secure.url,
            "NODE_EXTRA_CA_CERTS": self.secure.authority,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(len([*self.folder.glob("runner-*")])),
            "GITHUB_SHA": clone.git("rev-parse", "HEAD").strip(),
            "GITHUB_OUTPUT": str(clone.home / "output"),
            "GITHUB_STEP_SUMMARY": str(clone.home / "summary.md"),
            "HTTPS_PROXY": self.drive.url,
            "HTTPLIB2_CA_CERTS": str(self.drive.authority),
            "NO_PROXY": "127.0.0.1,localhost",
            **more,
        }
        with subprocess.Popen(
            line.split(), cwd=clone.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        ) as running:  # fmt: skip
            try:
                said, _ = running.communicate(timeout=1800)
            finally:
                if running.poll() is None:  # with all that it started, which would go on and build images
                    os.killpg(running.pid, signal.SIGTERM)
                    running.wait(60)
        return subprocess.CompletedProcess(line, running.returncode, said)
