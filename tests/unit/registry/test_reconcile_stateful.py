"""Two clones that promote, refit, push, pull, revert, roll back, crash and lose things: one champion, and none lost silently."""

import contextlib
import shutil
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from champion.errors import ProjectError
from champion.registry import versions as champions
from champion.registry.agreement import read_agreement
from champion.registry.reconcile import adopt
from champion.registry.sides import Situation, out_of_step, read_sides, versions_in_truth
from tests.conftest import forget_store
from tests.support.stores import rolled_back, scratch
from tests.unit.registry.conftest import NAME, Machine, repository

NAMES = st.sampled_from(["ada", "bob"])
POINTER = f"models/{NAME}.dvc"
AGREED = {Situation.NONE, Situation.UNNAMED, Situation.AGREED, Situation.UNRECORDED, Situation.UNPOINTED}


class TwoClones(RuleBasedStateMachine):
    """What may happen to two people who share a repository and a remote, each with a store of their own."""

    visited: ClassVar[Counter[Situation]] = Counter()
    done: ClassVar[Counter[str]] = Counter()

    @initialize(shared=st.sampled_from([True, True, False]))
    def start(self, shared: bool) -> None:
        self.patches = pytest.MonkeyPatch()
        self.folder = Path(tempfile.mkdtemp(dir=scratch()))
        clone = repository(self.folder, self.patches)
        self.machines = {name: clone(name) for name in ("ada", "bob")}
        if shared:
            self.command(self.machines["ada"], self.machines["ada"].promote, changes=True)
            self.push("ada")
            self.machines["bob"].pull()

    @invariant()
    def count(self) -> None:
        self.done["steps"] += 1

    def teardown(self) -> None:
        forget_store()
        self.patches.undo()
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, machine: Machine, what: Any, *, changes: bool = False) -> None:
        """A command that writes: it refuses, or all agrees afterwards and what changed was said."""
        before = self.look(machine)
        self.done["commands that write"] += 1
        try:
            said = str(what() or "")
        except ProjectError as error:
            self.done["refused"] += 1
            number, _ = self.look(machine)
            followed = before[1] is Situation.MOVED or f"version {number}" in str(error)
            assert number == before[0] or followed, "a refusal changes no champion, or says that it did before"
            return
        number, situation = self.look(machine)
        assert situation in AGREED
        package = machine.package
        assert (package.manifest.model_version if package else None) == number
        if not changes and number != before[0]:
            assert f"version {number}" in said, "a champion that changed is told"

    def look(self, machine: Machine) -> tuple[int | None, Situation]:
        """What a command that only looks says, which changes nothing."""
        client, workspace = machine.client, machine.workspace
        sides = read_sides(client, workspace)
        self.visited[sides.situation] += 1
        kept = (read_agreement(client, NAME), sides.history, sides.package)
        lines = out_of_step(sides, workspace)
        truth = [version for version in versions_in_truth(sides) if version.stage == champions.PRODUCTION]
        stages = [version.stage for version in sides.history.versions]
        assert max(len(truth), stages.count(champions.PRODUCTION)) <= 1
        if sides.situation in (Situation.MOVED, Situation.BOTH, Situation.UNRECORDED):
            assert POINTER in " ".join(lines)
        served = sides.package.files["model.skops"] if sides.package else None
        if truth and (sides.package is None or champions_model(served) != truth[0].record.model):
            assert lines, "what is served is not what is said to be champion, and that is said"
        again = read_sides(client, workspace)
        assert (read_agreement(client, NAME), again.history, again.package) == kept
        return sides.history.champion_number, sides.situation

    @rule(name=NAMES, pushed=st.booleans())
    def promote(self, name: str, pushed: bool) -> None:
        self.command(self.machines[name], self.machines[name].promote, changes=True)
        if pushed:
            self.push(name)

    @rule(name=NAMES, pushed=st.booleans())
    def refit(self, name: str, pushed: bool) -> None:
        machine, outcomes = self.machines[name], list[Any]()
        self.command(machine, lambda: outcomes.append(machine.refit()), changes=True)
        assert all(outcome.champion == machine.number for outcome in outcomes), "a refit keeps the number"
        self.done["refits"] += len(outcomes)
        if pushed:
            self.push(name)

    @rule(name=NAMES, pushed=st.booleans())
    def roll_back(self, name: str, pushed: bool) -> None:
        self.command(self.machines[name], self.machines[name].roll_back, changes=True)
        if pushed:
            self.push(name)

    @rule(name=NAMES, pushed=st.booleans())
    def run_anything(self, name: str, pushed: bool) -> None:
        self.push(name) if pushed else self.command(self.machines[name], self.machines[name].reconcile)

    @rule(name=NAMES, side=st.sampled_from(["pointer", "store"]))
    def decide(self, name: str, side: Any) -> None:
        machine = self.machines[name]
        self.command(machine, lambda: adopt(machine.client, machine.workspace, side, name))

    def push(self, name: str) -> None:
        machine = self.machines[name]
        self.command(machine, machine.record)
        machine.commit()
        if not machine.git_push():
            machine.merge("ours")
            machine.git_push()

    @rule(name=NAMES, side=st.sampled_from(["ours", "theirs"]), and_checkout=st.booleans())
    def pull(self, name: str, side: str, and_checkout: bool) -> None:
        machine = self.machines[name]
        machine.commit()
        machine.merge(side)
        if and_checkout and machine.workspace.pointer.exists():
            machine.dvc_pull()

    @rule(name=NAMES)
    def revert(self, name: str) -> None:
        machine = self.machines[name]
        machine.commit()
        commits = machine.git("log", "--no-merges", "--format=%H", "--", POINTER).split()
        if commits:
            machine.git("revert", "--no-edit", commits[0], ok=False)
            machine.git("revert", "--abort", ok=False)

    @rule(name=NAMES)
    def check_out_an_older_pointer(self, name: str) -> None:
        machine = self.machines[name]
        commits = machine.git("log", "--format=%H", "--", POINTER).split()
        machine.git("checkout", commits[-1], "--", POINTER, ok=False) if commits else None

    @rule(name=NAMES)
    def lose_the_package(self, name: str) -> None:
        shutil.rmtree(self.machines[name].workspace.package, ignore_errors=True)

    @rule(name=NAMES)
    def lose_the_store(self, name: str) -> None:
        machine = self.machines[name]
        if machine.situation is Situation.AGREED:  # else it would be all that knew of a promotion
            machine.lose_store()

    @rule(name=NAMES, point=st.sampled_from(["log", "set_champion", "save_package"]), anew=st.booleans())
    def be_killed_in_a_promotion_or_a_refit(self, name: str, point: str, anew: bool) -> None:
        machine = self.machines[name]
        if machine.situation is Situation.BOTH:
            return
        original = getattr(champions, point)

        def killed(*arguments: Any, **more: Any) -> Any:
            original(*arguments, **more)
            self.done["killed"] += 1
            raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(KeyboardInterrupt, ProjectError):
            patch.setattr(champions, point, killed)
            machine.refit() if anew else machine.promote()

    @rule(name=NAMES)
    def set_the_clock_back(self, name: str) -> None:
        """What the store wrote is an hour ahead of now."""
        machine = self.machines[name]
        database = sqlite3.connect(str(machine.client.zen_store.url).removeprefix("sqlite:///"))
        with contextlib.closing(database), database:
            database.execute("UPDATE run_metadata SET created = datetime(created, '+1 hour')")

    def meet_every_row(self) -> None:
        """One history that comes through each row of the table, since what is drawn changes with every line of code."""
        ada, bob = self.machines.values()
        assert self.look(ada)[1] is Situation.NONE
        self.promote("ada", pushed=False)
        assert self.look(ada)[1] is Situation.UNNAMED
        self.push("ada")
        assert self.look(ada)[1] is Situation.AGREED
        self.refit("ada", pushed=False)
        assert self.look(ada)[1] is Situation.UNRECORDED
        self.push("ada")
        bob.pull()
        assert self.look(bob)[1] is Situation.MOVED
        self.promote("bob", pushed=False)
        self.refit("ada", pushed=True)
        bob.pull()
        assert self.look(bob)[1] is Situation.BOTH
        self.decide("bob", "pointer")
        bob.workspace.pointer.unlink()
        assert self.look(bob)[1] is Situation.UNPOINTED
        self.push("bob")


def champions_model(data: bytes | None) -> str | None:
    from champion.bundle.folder import digest

    return digest(data) if data else None


@pytest.mark.parametrize(
    ("examples", "steps"), [(2, 25), pytest.param(60, 60, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_two_clones_always_know_one_champion_and_lose_none_silently(examples: int, steps: int) -> None:
    rolled_back()
    TwoClones.visited.clear()
    TwoClones.done.clear()
    settings = hypothesis.settings(
        max_examples=examples, stateful_step_count=steps, derandomize=True, database=None, deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(TwoClones, settings=settings)
    machine = TwoClones()
    machine.start(shared=False)
    machine.meet_every_row()
    machine.teardown()
    print(f"\n{examples} histories", *(f"{count:,} {what}" for what, count in TwoClones.done.items()), sep=", ")
    print(*(f"{count:,} times: {situation.value}" for situation, count in TwoClones.visited.most_common()), sep="\n")
    unseen = set(Situation) - set(TwoClones.visited) - {Situation.SERVER}
    assert not unseen, TwoClones.visited
