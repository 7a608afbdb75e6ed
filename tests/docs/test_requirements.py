"""requirements/*.txt agree with pyproject.toml: what images and CI install is what the project asks for."""

import re
import subprocess
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from devtools.old_pins import warnings_of

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME: list[str] = PROJECT["project"]["dependencies"]
GROUPS: dict[str, list[str]] = PROJECT["dependency-groups"]
EXTRAS = ("lightgbm", "xgboost", "catboost", "own-code")
ASKED = {
    "image": RUNTIME,
    "runtime": [*RUNTIME, *GROUPS["dvc"]],
    "dashboard": [*RUNTIME, *GROUPS["dvc"], *GROUPS["dashboard"]],
    "dev": [*RUNTIME, *(each for name, group in GROUPS.items() if name != "drive" for each in group)],
    "pod": [*RUNTIME, *GROUPS["kubernetes"]],
    "serving": GROUPS["serving"],
    "drive": GROUPS["drive"],
    **{name: GROUPS[name] for name in EXTRAS},
}
PYTHONS = ("3.11", "3.12", "3.13")
PIN = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(?:\[[\w,.-]+\])?==(?P<version>[^\s;]+)(?: ; (?P<marker>.+?))?(?: --hash=sha256:[0-9a-f]{64})+"
)


def lines_of(name: str) -> list[str]:
    """The requirements of a file, one a line, without comments."""
    joined = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (re.sub(r"\s+", " ", line.partition("#")[0]).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def pins(name: str, python: str = "3.12") -> dict[str, Version]:
    """Package to version, as a Linux machine with that Python installs them."""
    found: dict[str, Version] = {}
    for line in lines_of(name):
        requirement = Requirement(line.partition(" --hash")[0])
        environment = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux",
                       "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix",
                       "implementation_name": "cpython", "platform_python_implementation": "CPython"}  # fmt: skip
        if requirement.marker is None or requirement.marker.evaluate(environment):
            found[canonicalize_name(requirement.name)] = Version(str(requirement.specifier).removeprefix("=="))
    return found


def test_there_is_a_file_for_every_set_and_no_other() -> None:
    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == set(ASKED)


@pytest.mark.parametrize("name", sorted(ASKED))
def test_every_direct_dependency_is_pinned_by_a_version_that_pyproject_admits(name: str) -> None:
    for python in PYTHONS:
        pinned = pins(name, python)
        for asked in map(Requirement, ASKED[name]):
            version = pinned.get(canonicalize_name(asked.name))
            assert version, f"{asked} is not in requirements/{name}.txt: make requirements"
            admitted = asked.specifier.contains(version, prereleases=True)
            assert admitted, f"{asked} does not admit {version}: make requirements"


@pytest.mark.parametrize("name", sorted(ASKED))
def test_every_line_pins_a_version_with_hashes_and_no_file_names_an_index(name: str) -> None:
    lines = lines_of(name)
    assert len(lines) > (1 if name in EXTRAS else 20)
    assert [line[:80] for line in lines if not PIN.fullmatch(line)] == []


def test_each_set_has_what_it_needs_and_a_larger_one_contains_the_smaller() -> None:
    image, runtime, dashboard, dev = map(pins, ("image", "runtime", "dashboard", "dev"))
    assert image.items() <= runtime.items() <= dashboard.items() <= dev.items()
    assert {"dvc", "dvc-data", "pygit2", "celery"} <= runtime.keys() - image.keys(), "dvc and what only dvc needs"
    assert "pydrive2>=1.21.3" in GROUPS["drive"], "the first that works"
    assert not runtime.keys() & {"dvc-gdrive", "pydrive2", "pytest", "hypothesis", "ruff", "mypy", "pre-commit"}


def test_the_day_of_the_versions_is_fixed_and_the_lock_file_of_uv_is_not_tracked() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", PROJECT["tool"]["uv"]["exclude-newer"])
    listed = subprocess.run(["git", "ls-files", "uv.lock"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert listed.stdout == ""
    assert "/uv.lock" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ["project", *sorted(GROUPS)])
def test_every_direct_requirement_has_a_lower_bound_so_that_no_resolver_goes_back_years(name: str) -> None:
    for asked in map(Requirement, RUNTIME if name == "project" else GROUPS[name]):
        bounds = [bound for bound in asked.specifier if bound.operator in (">=", "==", "~=")]
        assert bounds, f"{asked} has no lower bound: beside the newest of another package it may be any of its versions"


def test_a_pin_that_is_two_years_old_is_warned_of_by_name_with_the_version_that_it_is_held_back_from() -> None:
    made = {"slow": ("0.4.2", "2020-03-31"), "fresh": ("2.0", "2026-01-01"), "done": ("1.0", "2019-01-01")}
    package = [
        {"name": name, "version": version, "wheels": [{"upload-time": f"{day}T10:00:00Z"}]}
        for name, (version, day) in made.items()
    ]
    lock = {"package": [{"name": "champion", "version": "0", "source": {"virtual": "."}}, *package]}
    tree = "champion v0\n├── slow[a,b] v0.4.2 (latest: v2026.9.0)\n│   └── done v1.0\n└── fresh v2.0 (latest: v3.0)\n"
    behind, finished = warnings_of(lock, tree, date(2026, 11, 20))
    assert behind.startswith("an old pin: slow 0.4.2 of 2020-03-31, while there is 2026.9.0: ")
    assert finished == "old pins without a newer version: done 1.0 of 2019-01-01"
    assert warnings_of(lock, tree, date(2020, 11, 20)) == []
