"""What is computed in docs/: errors and decisions of use-case.md, help in cli.md. ``python -m tests.support.pages`` renews it."""

import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pandas as pd
import yaml
from click.testing import CliRunner

from champion.comparison.decision import decide
from champion.datastore.fetch import fetch_missing
from champion.errors import ProjectError
from champion.modeling.estimators import check_candidates
from champion.modeling.evaluation import PairedTest
from champion.modeling.own.columns import check_steps
from champion.modeling.preparation import prepare_table
from champion.modeling.split import rule_for
from champion.modeling.table import check
from champion.modeling.tasks.classification.judging import sign_test
from champion.use_case.policy import Promotion
from champion.use_case.whole import parse_use_case
from cli.main import cli
from data.make_iris import iris_csv
from tests.support.report_examples import SPECIES, evaluation, performance

ROOT = Path(__file__).resolve().parents[2]
USE_CASE, CLI = ROOT / "docs/use-case.md", ROOT / "docs/cli.md"
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
HELP = re.compile(r"(<!-- help: begin -->\n).*?(<!-- help: end -->)", re.DOTALL)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def iris_yaml() -> dict[str, Any]:
    return yaml.safe_load(read(ROOT / "configs/iris.yaml"))


def refusal(raw: dict[str, Any]) -> str | None:
    """What a run says to a use case before it trains, with iris and two more columns; None where it is content."""
    source, frame = "configs/iris.yaml", pd.read_csv(io.BytesIO(iris_csv()))
    frame["garden"] = [f"garden {row % 12}" for row in range(len(frame))]
    frame["measured"] = pd.date_range("2026-01-01", periods=len(frame)).strftime("%Y-%m-%d")
    try:
        use_case = parse_use_case(raw, source)
        with tempfile.TemporaryDirectory() as folder:
            if use_case.data.path != "data/iris.csv":
                fetch_missing(Path(folder), Path(folder) / use_case.data.path)
        check_candidates(use_case, source)
        check_steps(use_case.features, source)
        check(frame, use_case)
        prepare_table(frame, use_case.data, rule_for(frame, use_case.data, use_case.split))
    except ProjectError as error:
        return str(error).replace("\n", "\n→ ")
    return None


def merged(base: Any, change: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    return {**base, **{key: merged(base.get(key), value) for key, value in change.items()}}


def mistaken(line: str) -> dict[str, Any]:
    """The use case with one mistake; the line is ``dotted.key: value``."""
    path, _, value = line.partition(": ")
    *parents, last = path.split(".")
    place = raw = iris_yaml()
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = yaml.safe_load(value)
    return raw


def fences(text: str, language: str) -> Iterator[str]:
    return (match[3] for match in FENCE.finditer(text) if match[2] == language)


def with_errors(text: str) -> str:
    """The page with what each mistake in a ``text`` block really gives."""

    def renewed(match: re.Match[str]) -> str:
        if match[2] != "text" or "→ " not in match[3]:
            return match[0]
        mistakes = [line for line in match[3].splitlines() if line and not line.startswith("→ ")]
        lines = [part for line in mistakes for part in (line, f"→ {refusal(mistaken(line))}")]
        return "```text\n" + "\n".join(lines) + "\n```"

    return FENCE.sub(renewed, text)


def decided(policy: str, champion: str, challenger: str, alone: str) -> str:
    """The sentence of the decision for one row of the worked examples."""
    changes: dict[str, Any] = {"champion": None, "paired": None}
    for role, scores in [("challenger", challenger)] + [("champion", champion)] * (champion != "none"):
        changes[role] = performance(role, SPECIES, scores=yaml.safe_load(scores))
    if alone:
        losses, wins = map(int, alone.split(":"))
        counts = {"only_champion_right": losses, "only_challenger_right": wins, "p_value": sign_test(wins, losses)}
        changes["paired"] = PairedTest(both_right=27, both_wrong=0, **counts)
    return decide(evaluation(**changes), Promotion(**yaml.safe_load(policy))).reason


def with_decisions(text: str) -> str:
    """The page with the decision that each worked example really gives."""
    row = re.compile(r"^\| `(\{.*?\})` \| (none|`\{.*?\}`) \| `(\{.*?\})` \| ([\d :]*?) ?\| .* \|$", re.MULTILINE)

    def renewed(match: re.Match[str]) -> str:
        sentence = decided(match[1], match[2].strip("`"), match[3], match[4])
        return match[0][: match[0].rindex(" | ")] + f" | {sentence} |"

    return row.sub(renewed, text)


def commands(group: click.Group = cli, prefix: str = "") -> dict[str, click.Command]:
    """Every command by what is typed for it: ``train``, ``data``, ``data pull``."""
    found = {}
    for name in group.list_commands(context := click.Context(group)):
        command = found[f"{prefix}{name}"] = group.get_command(context, name)
        if isinstance(command, click.Group):
            found |= commands(command, f"{prefix}{name} ")
    return found


def with_help(text: str) -> str:
    """The page with what ``--help`` prints, for all and for each command; one without arguments has its line in its group's."""
    blocks = [""]
    shown = [name for name, command in commands().items() if command.params or " " not in name]
    for title, called in [("All of it", "--help"), *((f"`{name}`", f"{name} --help") for name in sorted(shown))]:
        printed = CliRunner().invoke(cli, called.split(), prog_name="run.py", terminal_width=100).output
        blocks.append(f"### {title}\n\n```\n$ python run.py {called}\n{printed}```\n")
    return HELP.sub(lambda match: match[1] + "\n".join([*blocks, match[2]]), text)


def main() -> None:
    USE_CASE.write_text(with_decisions(with_errors(read(USE_CASE))), encoding="utf-8")
    CLI.write_text(with_help(read(CLI)), encoding="utf-8")


if __name__ == "__main__":
    main()
