"""The rehearsal itself, on the real Docker stack: what the workflows do to a repository, from first champion to rollback."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.containers.rehearsal.__main__ import rehearse
from tests.containers.rehearsal.images import CHAMPIONS


def test_the_workflows_lead_from_a_first_champion_to_a_rollback(
    engine: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    played = {scene.title: scene for scene in rehearse(tmp_path / "stage", tmp_path / "out")}
    removed, left = capsys.readouterr().out.splitlines()
    assert {f"{CHAMPIONS}:iris-v1", f"{CHAMPIONS}:iris-v2"} <= set(removed.rstrip(".").split(": ")[1].split(", "))
    assert not engine.images.list(f"{CHAMPIONS}:iris-v2"), "an image of a rehearsal is left"
    assert CHAMPIONS not in left
    steps = {title: [line.removeprefix("make ") for line, _ in scene.steps] for title, scene in played.items()}
    assert [(title, step) for title, scene in played.items() for step in scene.steps if step[1]] == []
    assert steps["its merge"] == ["ci-champion", "ci-promote", "push", "ci-pointer", "ci-image", "ci-comment"]
    assert steps["a fork's pull request"] == ["ci-champion", "ci-train", "ci-comment", "ci-fork-comment"]
    assert steps["drift"] == ["ci-champion", "ci-drift", "ci-drift-issue", "ci-drift-retrain"]
    champions = [scene.champion for scene in played.values()]
    assert champions == [1, 1, 2, 2, 2, *[1] * 6], "drift alone promotes nothing, and an upgrade keeps the number"
    upgraded = played["an upgrade of a library"].said
    for words in (
        r"made with scikit-learn 1\.8\.0, which is 1\.9\.\d here, and it answers",
        r"Refitted, as it was made with scikit-learn 1\.8\.0, .* its answers to all \d+ rows of the holdout are what they were\.",
        r"version 1 +production (.|\n)*revision 2, model (.|\n)*version 1 +archived (.|\n)*revision 1, model ",
    ):
        assert re.search(words, upgraded), words
    for title, words in {
        "a pull request that is better": r"would(.|\n)*\| stack \| docker \|", "a pull request that is worse": "stays",
        "a fork's pull request": "pointer", "drift": "petal_length", "drift that ends": r"The drift is over\.",
    }.items():  # fmt: skip
        assert re.search(words, played[title].comment), title
    for title, words in {
        "no drift": r"iris: no drift\.$", "drift that lasts": r"iris: drift; issue \d+ is up to date",
        "drift that ends": r"iris: the drift is over; closed issue \d+",
    }.items():  # fmt: skip
        assert re.match(words, played[title].said.splitlines()[-1]), title
    assert played["drift"].comment != played["drift that lasts"].comment, "the text is written anew"
