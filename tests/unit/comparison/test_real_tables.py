import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from devtools.benchmarks.real.compared import Judged, _judged_before, _met
from devtools.benchmarks.real.worker import Worker
from devtools.checkout import Checkout, UnexpectedError


def judged(**changes: Any) -> Judged:
    facts: dict[str, Any] = {"name": "a/b", "rows": 200, "ended": "champion", "said": "", "seconds": 1.0, "share": 0.2}
    return Judged(**{**facts, "metric": "accuracy", "ours": 0.9, "skrub": 0.91, **changes})


@pytest.mark.parametrize(
    ("changes", "behind", "off"),
    [
        ({}, False, False),
        ({"skrub": 0.93}, True, False),
        ({"skrub": None}, False, False),
        ({"ended": "refused", "ours": None, "skrub": 0.5, "share": None}, True, False),
        ({"ended": "refused", "ours": None, "skrub": None, "share": None}, False, False),
        ({"share": 0.29}, False, True),
        ({"share": 0.13}, False, True),
        ({"share": 0.13, "rows": 99}, False, False),
    ],
)
def test_a_table_is_behind_or_its_holdout_off(changes: Any, behind: bool, off: bool) -> None:
    assert (judged(**changes).behind, judged(**changes).off) == (behind, off)


def test_a_table_that_is_behind_by_chance_is_not_on_further_splits() -> None:
    assert not judged(skrub=0.93, again=(0.04, -0.04, 0.0, -0.01)).behind_again
    assert judged(skrub=0.93, again=(-0.04, -0.04, 0.0, -0.01)).behind_again
    assert judged(ended="refused", ours=None).behind_again
    assert not judged(again=(-0.04,)).behind_again


def test_the_goals_are_met_by_nine_tables_of_ten_and_without_a_traceback() -> None:
    good, behind = judged(), judged(skrub=1.0)
    assert _met([good] * 9 + [behind])
    assert not _met([good] * 8 + [behind] * 2)
    assert not _met([good] * 20 + [judged(ended="traceback")])
    assert not _met([good] * 20 + [judged(ended="late")])
    assert not _met([good] * 20 + [judged(share=0.4)])


def test_a_benchmark_that_was_stopped_knows_the_tables_that_it_has_judged(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    assert _judged_before(results) == _judged_before(None) == {}
    line = json.dumps(asdict(judged(again=(0.5, -0.5))))
    results.write_text(f"{line}\n{line[:20]}")
    assert _judged_before(results) == {"a/b": judged(again=(0.5, -0.5))}


ANSWERS = """
import sys, time
for line in sys.stdin:
    if "end" in line:
        sys.exit()
    time.sleep(60 if "late" in line else 0)
    print(line.strip(), flush=True)
"""


def test_a_program_answers_line_by_line_and_is_started_anew_after_it_has_ended_or_was_too_late() -> None:
    with Worker(Checkout(Path.cwd(), os.environ), sys.executable, "-c", ANSWERS) as worker:
        assert worker.ask(["a", None], 60) == ["a", None]
        assert worker.ask(["b" * 100_000], 60) == ["b" * 100_000]
        with pytest.raises(UnexpectedError, match="did not answer within 0 seconds"):
            worker.ask(["late"], 0.1)
        with pytest.raises(UnexpectedError, match="ended without an answer"):
            worker.ask(["end"], 60)
        assert worker.ask(["c"], 60) == ["c"]


STARTED = """
import sys
from devtools.benchmarks import __main__ as benchmarks

def compare(sandbox, *_):
    with sandbox.at(sandbox.root).started("sleep", "600") as process:
        print(sandbox.root, process.pid, flush=True)
        process.wait()

benchmarks.compare_tables = compare
benchmarks.main(["tables"])
"""


def test_a_benchmark_that_is_told_to_end_takes_what_it_started_and_its_folder_along() -> None:
    command = [sys.executable, "-c", STARTED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as benchmark:
        assert benchmark.stdout is not None
        folder, number = benchmark.stdout.readline().split()
        assert Path(folder).is_dir()
        benchmark.send_signal(signal.SIGTERM)
        _, said = benchmark.communicate(timeout=60)
    assert (benchmark.returncode, said.startswith("Interrupted.")) == (130, True), said
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(number), 0)
