"""The command line: quick to help, strict with what it does not know, and never without a sentence."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from champion.errors import DONE, WRONG_USAGE
from cli.common import config_option
from cli.main import COMMANDS, main
from tests.conftest import ROOT, Checkout
from tests.support.packages import old_package
from tests.support.pages import commands


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    code = """
import sys
from cli.main import main
ended = main(["--help"])
print("HEAVY", [name for name in ("zenml", "sklearn", "pandas", "numpy", "sqlalchemy", "dvc") if name in sys.modules])
sys.exit(ended)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == DONE, done.stderr
    assert "HEAVY []" in done.stdout
    assert [name for name in COMMANDS if f"\n  {name} " not in done.stdout] == []


def test_run_py_without_click_says_how_to_get_it() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "run.py"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "`make run` makes one" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_says_what_it_does_and_what_its_options_do(name: str) -> None:
    command = commands()[name]
    assert command.help
    unexplained = [each.opts for each in command.params if isinstance(each, click.Option) and not each.help]
    assert unexplained == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--no-such-option"], "No such option"),
        (["nonsense"], "No such command 'nonsense'"),
        (["data", "fetch"], "No such command 'fetch'"),
        (["ci"], "Usage: run.py ci"),
        (["ci", "drift", "now"], "unexpected extra argument"),
        (["rollback", "--to", "many"], "not a valid integer"),
        (["stack"], "Missing argument"),
        (["train", "--config", "configs/none.yaml"], "There are: configs/"),
        (["--config", "configs/none.yaml"], "There are: configs/"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == WRONG_USAGE
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""


def test_a_use_case_is_named_by_its_file_or_its_name() -> None:
    command = click.command(config_option(lambda config: config))
    for given, meant in [("iris", "configs/iris.yaml"), ("configs/iris.yaml",) * 2, ("none", "none")]:
        assert command.main(["--config", given], standalone_mode=False) == meant


def test_the_schema_is_json_that_describes_the_use_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == DONE
    schema = json.loads(capsys.readouterr().out)
    assert {"name", "data", "split", "candidates", "promotion"} <= schema["properties"].keys()
    assert schema["additionalProperties"] is False


def test_doctor_says_what_works_and_names_a_remedy_for_what_does_not(ready: Checkout) -> None:
    findings = {finding["what"]: finding for finding in ready.json("doctor")}
    assert {"use case", "workspace", "data", "dvc", "store", "package"} <= findings.keys()
    assert all(finding["ok"] for finding in findings.values())
    (ready.root / "data/iris.csv").unlink()
    ready.write_use_case({**ready.read_use_case(), "data": {"path": "data/none.csv", "target": "species"}})
    found = ready.run("doctor", expect=1)
    assert "FAIL  data: data/none.csv does not exist" in found.stdout
    assert "correct data.path" in found.stdout


def test_doctor_and_predict_name_the_library_that_moved_and_a_line_to_paste(ready: Checkout, tmp_path: Path) -> None:
    old_package("boosting", ready.root)
    (finding,) = [finding for finding in ready.json("doctor") if finding["what"] == "package"]
    assert finding["ok"]
    assert "scikit-learn 1.8.0, which is 1.9" in finding["found"]
    old_package("imputing", ready.root)
    (finding,) = [finding for finding in ready.json("doctor", expect=1) if finding["what"] == "package"]
    assert "its model cannot answer: AttributeError" in finding["found"]
    line = "uv run --no-project --with numpy==2.4.6 "
    assert line in finding["remedy"]
    failed = ready.run("predict", "data/iris.csv", str(tmp_path / "out.csv"), expect=1)
    assert "scikit-learn 1.7.2, which is 1.9" in failed.stderr
    assert line in failed.stderr
    assert [word for word in ("Traceback", "Warning", "not trusted") if word in failed.stderr] == []
