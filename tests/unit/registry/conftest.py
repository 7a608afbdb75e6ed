"""Clones of one repository with a store each, which promote made-up models; DVC's part is done by `LikeDvc`."""

import contextlib
import hashlib
import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from champion.bundle import folder
from champion.bundle.model import TrainedCandidate
from champion.datastore import dvc, publish
from champion.errors import ProjectError
from champion.modeling.contract import Plan
from champion.modeling.kept import AnswersCompared
from champion.modeling.split import SplitRule
from champion.orchestration.store import beside
from champion.registry.promotion import Judged, Made, Terms, carry_out
from champion.registry.reconcile import reconcile, who, write_champion
from champion.registry.recording import record_champion
from champion.registry.refit import Refitted, RefitTerms, carry_out_refit
from champion.registry.rollback import roll_back
from champion.registry.sides import Situation, read_sides
from champion.registry.versions import version_history
from champion.use_case.policy import Promotion
from champion.workspace.workspace import Workspace
from tests.conftest import Session, enter_store, forget_store, tree
from tests.support import report_examples as examples
from tests.support.stores import rolled_back, scratch

NAME = "shared"
RULE = SplitRule(by="hash", share=0.2, salt="", columns=("x",))
PLAN = Plan(features=(), classes=("a", "b"), rule=RULE, train_rows=120, holdout_rows=30)


class LikeDvc:
    """`dvc add`, `push` and `pull` of one folder, in this process; `test_recording` compares it with dvc."""

    def __init__(self, remote: Path) -> None:
        self.remote = remote

    def run(self, root: Path, verb: str, *targets: str, **_: Any) -> dvc.Done:
        if verb == "add":
            self._add(root, root / targets[0])
        else:
            cache = root / ".dvc/cache"
            if (root / ".dvc/config.local").exists():  # a folder of its own, with the checkout's cache
                found = [line.partition("= ")[2] for line in (root / ".dvc/config.local").read_text().splitlines()]
                cache = next((Path(each) for each in found if each.endswith("cache")), cache)
            here, there = (cache, self.remote) if verb == "push" else (self.remote, cache)
            if here.is_dir():
                shutil.copytree(here, there, dirs_exist_ok=True)
            assert targets[0].startswith("models/"), "a remote that keeps versions has each file under its path"
            if verb == "pull" and not self._checkout(root / targets[0], cache):
                lost = f"Checkout failed for following targets:\n{targets[0]}\nIs your cache up to date?"
                return dvc.Done(False, f"{lost}\nneither locally nor on remote")
        return dvc.Done(True, "done")

    def _add(self, root: Path, package: Path) -> None:
        listed = []
        for path in sorted(package.iterdir()):
            listed.append({"md5": self._keep(root, path.read_bytes()), "relpath": path.name})
        out = {"md5": self._keep(root, json.dumps(listed).encode(), ".dir"), "path": package.name, "hash": "md5"}
        package.with_name(f"{package.name}.dvc").write_text(yaml.safe_dump({"outs": [out]}))

    @staticmethod
    def _keep(root: Path, data: bytes, kind: str = "") -> str:
        md5 = hashlib.md5(data).hexdigest() + kind
        path = root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return md5

    @staticmethod
    def _checkout(pointer: Path, cache: Path) -> bool:
        md5 = yaml.safe_load(pointer.read_text())["outs"][0]["md5"]
        listing = cache / "files/md5" / md5[:2] / md5[2:]
        if not listing.exists():
            return False
        target = pointer.with_suffix("")
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for entry in json.loads(listing.read_text()):
            shutil.copy(cache / "files/md5" / entry["md5"][:2] / entry["md5"][2:], target / entry["relpath"])
        return True


class Machine:
    """A clone with a store of its own."""

    made = 0
    stores: ClassVar[dict[str, tuple[Path, Any, Any]]] = {}  # by the clone's name: opening one takes a second

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self._patch = root, monkeypatch
        self.workspace = Workspace(
            root, root / f"configs/{NAME}.yaml", Session(root, None, NAME).workspace(tree(1)).use_case
        )
        self.lose_store()

    @property
    def client(self) -> Any:
        """Its store, which this process uses from now on."""
        from zenml.client import Client
        from zenml.config.global_config import GlobalConfiguration

        forget_store()
        if self.root.name not in self.stores:
            folder = scratch() / "store"
            self.stores[self.root.name] = folder, enter_store(folder, self._patch), GlobalConfiguration()
        folder, client, configuration = self.stores[self.root.name]
        self._patch.setenv("ZENML_CONFIG_PATH", str(folder))
        GlobalConfiguration._reset_instance(configuration)
        Client._reset_instance(client)
        return client

    def lose_store(self) -> None:
        client = self.client
        with contextlib.suppress(KeyError):
            client.delete_model(NAME)
        beside(client, f"{NAME}.agreed.json").unlink(missing_ok=True)

    def git(self, *arguments: str, ok: bool = True) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not ok, done.stderr
        return done.stdout

    def reconcile(self) -> str:
        return "; ".join(reconcile(self.client, self.workspace).notes)

    def promote(self, again: str | None = None) -> Any:
        """A run that finds a better model: one that was never seen, or that of a fingerprint."""
        client, *judged = self.judged(again)
        decision, outcome, _ = carry_out(client, *judged)
        if outcome.action == "promoted":
            write_champion(client, self.workspace)
        return decision

    def judged(self, again: str | None = None) -> tuple[Any, Judged, Terms]:
        """Such a run at the moment before its decision is carried out, with the store."""
        client = self.client
        reconcile(client, self.workspace)
        Machine.made += again is None
        fingerprint = again or f"fingerprint {Machine.made}"
        history = version_history(client, NAME)
        evidence = examples.evaluation(
            use_case=NAME, **({} if history.champion else {"champion": None, "paired": None})
        )
        champion = history.champion
        candidate = TrainedCandidate(evidence.candidates[0], model(fingerprint))
        facts = examples.lineage(use_case=NAME, fingerprint=fingerprint)
        judged = Judged(Made(candidate, PLAN, examples.profile(), facts, 150), evidence)
        terms = Terms(
            policy=Promotion(), promote=True, readmit=False, by=who(client, self.workspace),
            champion=str(champion.id) if champion else None, revision=history.revision,
        )  # fmt: skip
        return client, judged, terms

    def refit(self, difference: str | None = None) -> Any:
        """A refit of the champion whose model has other bytes; its answers are equal, unless it is said how they differ."""
        client = self.client
        reconcile(client, self.workspace)
        Machine.made += 1
        name, champion = f"refit {Machine.made}", version_history(client, NAME).champion
        if champion is None:
            raise ProjectError("there is no champion")
        candidate = TrainedCandidate(examples.evaluation().candidates[0], model(name), answers=b"kept")
        facts = examples.lineage(use_case=NAME, fingerprint=name)
        compared = AnswersCompared(rows=30, difference=difference)
        refitted = Refitted(Made(candidate, PLAN, examples.profile(), facts, 150), compared)
        terms = RefitTerms(
            champion=str(champion.id), revision=champion.champion_state.revision if champion.champion_state else None,
            moved="numpy 1.0, which is 2.0 here", readmit=False, by=who(client, self.workspace),
        )  # fmt: skip
        outcome, _ = carry_out_refit(client, refitted, terms)
        if outcome.action == "refitted":
            write_champion(client, self.workspace)
        return outcome

    def roll_back(self) -> Any:
        return roll_back(self.client, self.workspace, None)

    def record(self, force: bool = False) -> str:
        return "; ".join(record_champion(self.client, self.workspace, force))

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "champion", ok=False)

    def git_push(self) -> bool:
        """DVC's push, and git's, which is refused where another was first."""
        if self.workspace.pointer.exists():
            publish.push(self.root)
        return self.git("push", "--porcelain", "origin", "main", ok=False).endswith("Done\n")

    def push(self, force: bool = False) -> None:
        """`make push`, and the commit that follows it, pushed."""
        self.record(force)
        self.commit()
        assert self.git_push()

    def merge(self, side: str) -> None:
        """`git pull`; of a pointer that both changed the one of a side stays."""
        self.git("pull", "--quiet", "--no-rebase", "--no-edit", "-X", side, "origin", "main", ok=False)
        if self.git("ls-files", "--unmerged"):  # changed here, deleted there
            self.git("checkout", f"--{side}", ".", ok=False)
            self.commit()

    def dvc_pull(self) -> None:
        dvc.run(self.root, "pull", self.workspace.pointer.relative_to(self.root).as_posix())

    def pull(self) -> None:
        self.git("pull", "--quiet", "--ff-only", "origin", "main")

    def revert(self) -> None:
        self.git("revert", "--no-edit", "HEAD")

    @property
    def number(self) -> int | None:
        return version_history(self.client, NAME).champion_number

    @property
    def situation(self) -> Situation:
        return read_sides(self.client, self.workspace).situation

    @property
    def package(self) -> folder.Package | None:
        return folder.read(self.workspace.package, "the package")


def model(words: str) -> bytes:
    """A model file that is read as any other, and has other bytes: a comment tells them apart."""
    file = io.BytesIO((rolled_back() / "one" / folder.MODEL).read_bytes())
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = words.encode()
    return file.getvalue()


Clone = Callable[[str], Machine]


def repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """A repository and a remote in a folder; what makes a clone of them by its name."""
    rolled_back()  # it has a store of its own in this process while it is made
    origin = folder / "origin"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(origin)], check=True)
    monkeypatch.setattr(dvc, "run", LikeDvc(folder / "remote").run)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")

    def make(name: str) -> Machine:
        root = folder / name
        subprocess.run(["git", "clone", "--quiet", str(origin), str(root)], check=True, capture_output=True)
        machine = Machine(root, monkeypatch)
        if not machine.git("log", "--oneline", ok=False):
            machine.git("checkout", "--quiet", "-B", "main")
            (root / ".gitignore").write_text(f"models/{NAME}/\n.dvc/cache\n.dvc/config.local\n")
            (root / ".dvc").mkdir()
            (root / ".dvc/config").write_text(
                f"[core]\n    remote = shared\n['remote \"shared\"']\n    url = {folder}/remote\n"
            )
            machine.commit()
            machine.git("push", "--quiet", "origin", "main")
        machine.git("config", "user.name", name.capitalize())
        machine.git("config", "user.email", f"{name}@example.org")
        return machine

    return make


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clone]:
    """Clones of one repository and one remote, by name."""
    yield repository(tmp_path, monkeypatch)
    forget_store()
