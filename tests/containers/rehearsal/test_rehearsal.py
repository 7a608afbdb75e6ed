"""The rehearsal itself, on the real Docker stack: what the workflows do to a repository, from first champion to rollback."""

import re
from pathlib import Path

from tests.containers.rehearsal.__main__ import rehearse


def test_the_workflows_lead_from_a_first_champion_to_a_rollback(tmp_path: Path) -> None:
    played = rehearse(tmp_path / "stage", tmp_path / "out")
    ran = {scene.title: scene.ran.steps for scene in played}
    assert all(code == 0 for steps in ran.values() for _, code in steps), ran
    assert [line for line, _ in ran["its merge"]] == [
        "make ci-champion", "make ci-promote", "make push", "make ci-pointer", "make ci-image", "make ci-comment",
    ]  # fmt: skip
    assert [line for line, _ in ran["a fork's pull request"]] == [
        "make ci-champion", "make ci-train", "make ci-comment", "make ci-fork-comment",
    ]  # fmt: skip
    assert [scene.champion for scene in played] == [1, 1, 2, 2, 2, *[1] * 5], "drift alone promotes nothing"
    comments = {scene.title: scene.comment or "" for scene in played}
    assert "would" in played[1].headline.casefold()
    assert "| stack | docker |" in comments["a pull request that is better"]
    assert "stays" in comments["a pull request that is worse"]
    assert "pointer" in comments["a fork's pull request"]
    assert [line for line, _ in ran["drift"]] == [
        "make ci-champion", "make ci-drift", "make ci-drift-issue", "make ci-drift-retrain",
    ]  # fmt: skip
    done = [scene.ran.said.splitlines()[-1] for scene in played[-4:]]
    assert done[0] == "iris: no drift."
    assert re.match(r"iris: drift; issue (\d+) is up to date", done[2])
    assert re.match(r"iris: the drift is over; closed issue (\d+)", done[3])
    assert "petal_length" in comments["drift"]
    assert "The drift is over." in comments["drift that ends"]
    assert comments["drift"] != comments["drift that lasts"], "the text is written anew"
