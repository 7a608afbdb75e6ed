"""What is rehearsed: a first champion, pull requests (better, worse, a fork's), a merge, a rollback, drift, an upgrade."""

import io

import pandas as pd

from tests.conftest import ROOT, iris_csv
from tests.containers.rehearsal.stage import Scene, Stage
from tests.support.doubles.github import REPOSITORY

FORK = "stranger/champion"
UPGRADE = ROOT / "tests/support/upgrade/promote.py"


class Rehearsal:
    """The scenes, one after the other."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.github = stage, stage.github
        self.scenes: list[Scene] = []

    def play(self) -> None:
        """Play all of it. A tree of one level is poor, of two it is good, and of three it ties with that."""
        self._on_main("the first champion", "promote")
        self._pull_request("a pull request that is better", "better", 2)
        self.stage.merge("better")
        self._on_main("its merge", "promote")
        self._pull_request("a pull request that is worse", "worse", 1)
        self._pull_request("a fork's pull request", "fork", 3, FORK)
        self._on_main("a rollback", "rollback", **{"inputs.rollback": "iris", "inputs.to": ""})
        table = pd.read_csv(io.BytesIO(iris_csv()))
        longer = table.assign(petal_length=table["petal_length"] + 2.0).to_csv(index=False).encode()
        self.stage.share(iris_csv())
        self._on_main("no drift", "watch", file="drift-monitor")
        self.stage.share(longer)
        self._on_main("drift", "watch", "retrain", file="drift-monitor")
        self._on_main("drift that lasts", "watch", file="drift-monitor")
        self.stage.share(iris_csv())
        self._on_main("drift that ends", "watch", file="drift-monitor")
        self._upgrade("an upgrade of a library")

    def _on_main(self, title: str, *jobs: str, file: str = "mlops-pipeline", **event: str) -> None:
        """Jobs of a workflow on the main branch, on a fresh runner; and what the issue says, if there is one."""
        scene, clone = self._scene(title), self.stage.runner()
        for job in jobs:
            self.stage.run(scene, clone, job, {"github.ref": "refs/heads/main", **event}, file)
        assert len(self.github.issues) <= 1, "more than one issue"
        for issue in self.github.issues.values():
            said = [each["body"] for each in self.github.comments.get(issue["number"], [])]
            scene.comment = str(issue["body"]) if issue["state"] == "open" else f"## the issue is closed\n\n{said[-1]}"

    def _upgrade(self, title: str) -> None:
        """A machine whose champion scikit-learn 1.8.0 made, after the upgrade to the pinned one: nothing of main changes."""
        scene, clone = self._scene(title), self.stage.runner()
        (clone.root / "models/iris.dvc").unlink()
        for command in (f"{UPGRADE} boosting", "run.py doctor", "run.py refit", "run.py models"):
            self.stage.step(scene, clone, f".venv/bin/python {command}", {"GDRIVE_CREDENTIALS_DATA": self.stage.robot})
        scene.champion = self.scenes[-2].champion

    def _pull_request(self, title: str, branch: str, depth: int, source: str = REPOSITORY) -> None:
        """A pull request, which is over afterwards, on a runner that has checked out what GitHub would: its merge with main."""
        scene, head = self._scene(title), self.stage.branch(branch, depth)
        self.github.open(head, branch, source, title=branch)
        number, clone = max(self.github.pulls), self.stage.runner()
        event = {
            "github.ref": f"refs/pull/{number}/merge",
            "github.event.pull_request.base.sha": clone.git("rev-parse", "HEAD").strip(),
            "github.event.pull_request.head.sha": head,
            "github.event.pull_request.number": str(number),
            "github.event.pull_request.user.login": "ada",
            "github.event.pull_request.head.ref": branch,
            "github.event.pull_request.head.repo.full_name": source,
        }
        clone.git("merge", "--quiet", "--no-ff", "--message", "merge", f"origin/{branch}")
        before, is_fork = len(self.github.calls), source != REPOSITORY
        self.stage.run(scene, clone, "judge", event, "mlops-pipeline", is_fork)
        if is_fork:
            assert len(self.github.calls) == before, "the fork's job called GitHub"
            event = {
                "github.event.workflow_run.head_sha": head, "github.event.workflow_run.head_repository.full_name": source,
                "github.event.workflow_run.id": "999",
            }  # fmt: skip
            self.stage.run(scene, self.stage.runner(), "comment", event, "comment-on-fork")
        comments = [each["body"] for each in self.github.comments.get(number, [])]
        assert len(comments) <= 1, "more than one comment"
        scene.comment = "".join(comments)
        del self.github.pulls[number]

    def _scene(self, title: str) -> Scene:
        self.scenes.append(Scene(title))
        return self.scenes[-1]
