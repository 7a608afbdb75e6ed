"""What is rehearsed: a first champion, a pull request that is better, its merge, a worse one, a fork's, a rollback, drift."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from devtools.checkout import UnexpectedError
from tests.conftest import iris_csv
from tests.containers.rehearsal.stage import Ran, Stage
from tests.support.doubles.github import REPOSITORY, GitHub, Pull

FORK = "stranger/champion"


@dataclass(frozen=True)
class Scene:
    """One thing that happened: what ran, the number that main's pointer names afterwards, the pull request's comment or the
    issue."""

    title: str
    ran: Ran
    champion: int | None
    comment: str | None = None

    @property
    def headline(self) -> str:
        """The comment's first heading."""
        return next((line.lstrip("# ") for line in (self.comment or "").splitlines() if line.startswith("## ")), "")


def depth(levels: int) -> Callable[[Path], None]:
    """A change to the use case: one decision tree of so many levels; 1 is poor, 2 is good, and 3 ties with it."""

    def change(root: Path) -> None:
        path = root / "configs/iris.yaml"
        use_case = yaml.safe_load(path.read_text(encoding="utf-8"))
        use_case["candidates"] = {
            "tree": {
                "estimator": "sklearn.tree.DecisionTreeClassifier",
                "params": {"max_depth": levels, "random_state": 0},
            }
        }
        path.write_text(yaml.safe_dump(use_case, sort_keys=False), encoding="utf-8")

    return change


def shifted(rows: bytes, by: float) -> bytes:
    """A table whose petals have grown by so many centimetres."""
    table = pd.read_csv(io.BytesIO(rows))
    for column in ("petal_length", "petal_width"):
        table[column] = (table[column] + by).round(1)
    return table.to_csv(index=False).encode()


class Rehearsal:
    """The scenes, one after the other."""

    def __init__(self, stage: Stage, github: GitHub) -> None:
        self.stage, self.github = stage, github
        self.scenes: list[Scene] = []

    def play(self) -> None:
        """Play all of it."""

        def weak(root: Path) -> None:
            for other in (root / "configs").glob("*.yaml"):
                if other.name != "iris.yaml":
                    other.unlink()
            (root / "models/iris.dvc").unlink(missing_ok=True)
            path = root / "configs/iris.yaml"
            text = path.read_text(encoding="utf-8").replace("min_score: 0.8", "min_score: 0.3")
            path.write_text(text, encoding="utf-8")
            depth(1)(root)

        self.stage.found(weak)
        self._promotion("the first champion")
        self._pull_request("a pull request that is better", "better", depth(2))
        self._promotion("its merge", merge="better")
        self._pull_request("a pull request that is worse", "worse", depth(1))
        self._from_a_fork("a fork's pull request", "fork", depth(3))
        self._rollback("a rollback")
        self.stage.share("rows", "data/iris-new.csv", iris_csv())
        self._watched("no drift")
        self.stage.share("shifted-rows", "data/iris-new.csv", shifted(iris_csv(), 2.0))
        self._watched("drift", retrain=True)
        self._watched("drift that lasts", self.scenes[-1].ran.folder)
        self.stage.take_back()
        self._watched("drift that ends")

    def _champion(self) -> int | None:
        try:
            found = yaml.safe_load(self.stage.pointer())["meta"]["model_version"]
        except UnexpectedError:  # there is no pointer yet
            return None
        assert isinstance(found, int)
        return found

    def _promotion(self, title: str, merge: str | None = None) -> None:
        if merge:
            self.stage.merge(merge)
            self.github.close(next(number for number, pull in self.github.pulls.items() if pull.branch == merge))
        label = title.replace(" ", "-")
        ran = self.stage.run(label, "promote", self.stage.runner(label), {"github.ref": "refs/heads/main"})
        self.scenes.append(Scene(title, ran, self._champion()))

    def _pull_request(self, title: str, branch: str, change: Callable[[Path], None]) -> None:
        pull, clone, event = self._opened(branch, change, REPOSITORY)
        ran = self.stage.run(branch, "judge", clone, event)
        self.scenes.append(Scene(title, ran, self._champion(), self._comment(pull)))

    def _from_a_fork(self, title: str, branch: str, change: Callable[[Path], None]) -> None:
        pull, clone, event = self._opened(branch, change, FORK)
        before = len(self.github.calls)
        ran = self.stage.run(branch, "judge", clone, event, fork=True)
        assert len(self.github.calls) == before, "the fork's job called GitHub"
        event = {
            "runner.temp": str(self.stage.folder), "github.event.workflow_run.head_sha": pull.head,
            "github.event.workflow_run.head_repository.full_name": FORK, "github.event.workflow_run.id": "999",
        }  # fmt: skip
        base = self.stage.runner(f"{branch}-comment")
        told = self.stage.run(f"{branch}-comment", "comment", base, event, file="comment-on-fork")
        ran.steps += told.steps
        ran.said += told.said
        self.scenes.append(Scene(title, ran, self._champion(), self._comment(pull)))

    def _opened(self, branch: str, change: Callable[[Path], None], source: str) -> tuple[Pull, Path, dict[str, str]]:
        """A pull request, and a runner that has checked out what GitHub would: its merge with main."""
        head = self.stage.branch(branch, change, f"{branch}: another depth")
        pull = self.github.open(head, branch, source, title=branch)
        clone = self.stage.runner(branch)
        base = self.stage.git("rev-parse", "HEAD", folder=clone)
        self.stage.git("merge", "--quiet", "--no-ff", "--message", "merge", f"origin/{branch}", folder=clone)
        return pull, clone, {
            "github.ref": f"refs/pull/{pull.number}/merge",
            "github.event.pull_request.base.sha": base,
            "github.event.pull_request.head.sha": head,
            "github.event.pull_request.number": str(pull.number),
            "github.event.pull_request.user.login": "ada",
        }  # fmt: skip

    def _rollback(self, title: str) -> None:
        event = {"github.ref": "refs/heads/main", "inputs.rollback": "iris", "inputs.to": ""}
        ran = self.stage.run("rollback", "rollback", self.stage.runner("rollback"), event)
        self.scenes.append(Scene(title, ran, self._champion()))

    def _watched(self, title: str, clone: Path | None = None, *, retrain: bool = False) -> None:
        """What the monitor makes of the newest data, on a fresh runner or one that kept a clone."""
        label, event = title.replace(" ", "-"), {"github.ref": "refs/heads/main"}
        clone = clone or self.stage.runner(label)
        ran = self.stage.run(label, "watch", clone, event, file="drift-monitor")
        if retrain:
            started = self.stage.run(f"{label}-retrain", "retrain", clone, event, file="drift-monitor")
            ran.steps += started.steps
            ran.said += started.said
        self.scenes.append(Scene(title, ran, self._champion(), self._issue()))

    def _issue(self) -> str | None:
        """What the issue says: its text while it is open, else its last comment."""
        assert len(self.github.issues) <= 1, "more than one issue"
        for issue in self.github.issues.values():
            if issue["state"] == "open":
                return str(issue["body"])
            (last,) = self.github.comments[issue["number"]]
            return f"## the issue is closed\n\n{last['body']}"
        return None

    def _comment(self, pull: Pull) -> str | None:
        there = self.github.comments.get(pull.number, [])
        assert len(there) <= 1, "more than one comment"
        watermark = r"\n*!\[\]\(https://cml\.dev/watermark\S* \"CML watermark\"\)"
        return re.sub(watermark, "", there[0]["body"]) if there else None
