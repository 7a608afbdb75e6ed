"""docs/serving.md tells every flag, endpoint, metric and error code of the service, and no other."""

import ast
import re

import click
from fastapi.routing import APIRoute

from champion.serving.__main__ import main
from champion.serving.app import service
from champion.serving.options import KEY_VARIABLE
from cli.serve import command as serve
from tests.conftest import ROOT
from tests.support.serving.service import Recorder, state

TEXT = (ROOT / "docs/serving.md").read_text(encoding="utf-8")


def flags(command: click.Command) -> dict[str, click.Option]:
    return {each.opts[0]: each for each in command.params if isinstance(each, click.Option)}


ALL = {**flags(main), **flags(serve)}
ROWS = {row[0]: row for row in re.findall(r"^\| `(--[\w-]+)` \| (?:`(\w+)`)? ?\| ?(.*?) \| .+ \|$", TEXT, re.MULTILINE)}


def test_every_flag_is_told_with_variable_and_default_no_other_is_and_both_ways_to_start_have_the_same() -> None:
    assert sorted(ROWS) == sorted(ALL)
    for flag, option in ALL.items():
        default = f"`{option.default}`"
        told = isinstance(option.default, str | int | float) and not option.is_flag
        assert ROWS[flag][1:] == (option.envvar or "", default if told else ROWS[flag][2])
    assert f"| | `{KEY_VARIABLE}` |" in TEXT
    assert flags(main).keys() ^ flags(serve).keys() == {"--package", "--config"}


def test_every_endpoint_is_told_and_no_other() -> None:
    routes = service(state(Recorder()), lambda *_: None).app.routes
    ours = {route.path for route in routes if isinstance(route, APIRoute)} | {"/predict", "/", "/docs"}
    assert set(re.findall(r"^\| `(?:GET|POST) (/[\w.]*)` \|", TEXT, re.MULTILINE)) == ours


def test_every_metric_is_told_with_its_labels_and_no_other() -> None:
    families = state(Recorder()).metrics.registry.collect()
    ours = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    told = dict(re.findall(r"^\| `(champion_\w+)(?:\{([\w,]+)\})?` \|", TEXT, re.MULTILINE))
    assert told.keys() == ours


def test_every_error_code_is_told_and_no_other() -> None:
    found = set()
    for path in (ROOT / "champion/serving").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RequestError":
                status, code = node.args[:2]
                if isinstance(status, ast.Constant) and isinstance(code, ast.Constant):
                    found.add((str(status.value), code.value))
    found |= {("404", "not_found")}
    assert set(re.findall(r"^\| (\d{3}) \| `(\w+)` \|", TEXT, re.MULTILINE)) == found
