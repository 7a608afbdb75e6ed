import ctypes
import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from champion.bundle import folder
from champion.bundle.folder import CARD, MANIFEST, MODEL, PROFILE, exchange, parse_manifest, read, write
from champion.errors import PackageError
from tests.support.packages import package

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models" / "iris"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "_PAUSE", 0.0)


@pytest.fixture(params=["exchange", "two renames"])
def swap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "exchange":
        monkeypatch.setattr(folder, "exchange", lambda *_: False)
    return str(request.param)


def number(place: Path) -> int | None:
    package = read(place, "models/iris")
    return package.manifest.model_version if package else None


def left_beside(place: Path) -> list[str]:
    return sorted(path.name for path in place.parent.iterdir() if path != place)


@pytest.mark.usefixtures("swap")
def test_what_is_written_is_read(place: Path) -> None:
    for count in (1, 2, 3):
        write(package(count), place)
        assert read(place, "models/iris") == package(count)
        assert left_beside(place) == []
    assert {path.name for path in place.iterdir()} == {MANIFEST, MODEL, PROFILE, CARD}
    assert place.stat().st_mode & 0o777 == 0o755  # everyone may read it


def test_there_may_be_no_package(place: Path) -> None:
    assert read(place, "models/iris") is None
    place.mkdir(parents=True)
    assert read(place, "models/iris") is None


def appended(path: Path, more: bytes = b"x") -> None:
    path.write_bytes((path.read_bytes() if path.exists() else b"") + more)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        *[
            (lambda place, name=name: appended(place / name), f"models/iris is refused: {name} does not match its hash")
            for name in (MODEL, PROFILE, CARD)
        ],
        (lambda place: appended(place / MODEL), "make pull"),
        (lambda place: (place / PROFILE).unlink(), f"{PROFILE} is missing"),
        (lambda place: appended(place / "model.pkl", b"cos\nsystem\n"), "model.pkl does not belong to it"),
        (lambda place: (place / "cache").mkdir(), "cache cannot be read"),
        (lambda place: (place / MANIFEST).unlink(), f"it has no {MANIFEST}"),
    ],
)
def test_what_does_not_belong_together_is_refused_by_name(
    place: Path, change: Callable[[Path], None], expected: str
) -> None:
    write(package(), place)
    change(place)

    with pytest.raises(PackageError, match=re.escape(expected)):
        read(place, "models/iris")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"format": 2}, "is of format 2; this version reads format 1. Use the version that wrote it"),
        ({"format": None}, "is of format None"),
        ({"model_version": "many"}, "model_version: Input should be a valid integer"),
        ({"classes": [1.5]}, "classes.0"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
    ],
)
def test_a_foreign_manifest_is_refused_with_the_reason(place: Path, changes: dict[str, Any], expected: str) -> None:
    write(package(), place)
    raw = json.loads((place / MANIFEST).read_text())
    (place / MANIFEST).write_text(json.dumps({**raw, **changes}))

    with pytest.raises(PackageError, match=re.escape(expected)):
        read(place, "models/iris")


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '"text"', b"\xff\xfe"])
def test_what_is_no_manifest_at_all_is_refused(text: str | bytes) -> None:
    with pytest.raises(PackageError, match="is not readable as JSON"):
        parse_manifest(text, "models/iris/manifest.json")


def test_a_manifest_survives_its_way_through_its_file() -> None:
    manifest = package(classes=(False, True), params={"max_depth": None, "ü": [1.5]}).manifest

    assert parse_manifest(folder.manifest_text(manifest), "here") == manifest
    assert "Länge" in folder.manifest_text(manifest)


# Failures while writing


@pytest.mark.parametrize("call", ["mkdir", "fsync", "rename", "chmod", "open"])
def test_a_call_that_fails_leaves_the_old_package_whole(
    place: Path, monkeypatch: pytest.MonkeyPatch, swap: str, call: str
) -> None:
    """Whichever time the call fails, from the first to the last."""
    calls = failing_on_turn(monkeypatch, call)
    for revision in range(1, 100):
        write(package(1), place)
        calls.update(made=0, fails_at=revision)
        expected = 2
        try:
            write(package(2), place)
        except PackageError:
            expected = 1
        called = calls["made"]
        calls.update(fails_at=0)
        assert number(place) == expected
        if called < revision:
            break
    assert revision > 1 or (swap == "exchange" and call == "rename")
    write(package(3), place)
    assert (number(place), left_beside(place)) == (3, [])


@pytest.mark.parametrize(
    ("call", "time", "error", "reason"),
    [("fsync", 1, errno.ENOSPC, "No space left on device"), ("mkdir", 2, errno.EACCES, "Permission denied")],
)
def test_a_failure_is_told_with_what_to_do(
    place: Path, monkeypatch: pytest.MonkeyPatch, call: str, time: int, error: int, reason: str
) -> None:
    write(package(1), place)
    failing_on_turn(monkeypatch, call, error).update(fails_at=time)

    with pytest.raises(PackageError, match=rf"models/iris \({reason}\); the former one is untouched"):
        write(package(2), place)
    assert (number(place), left_beside(place)) == (1, [])


def failing_on_turn(monkeypatch: pytest.MonkeyPatch, call: str, error: int = errno.ENOSPC) -> dict[str, int]:
    """Make one function of os fail, with a full disk as a rule, at the turn that the returned mapping names."""
    calls = {"made": 0, "fails_at": 0}
    right = getattr(os, call)

    def sometimes(*arguments: Any, **more: Any) -> Any:
        calls["made"] += 1
        if calls["made"] == calls["fails_at"]:
            raise OSError(error, os.strerror(error), "somewhere")
        return right(*arguments, **more)

    monkeypatch.setattr(os, call, sometimes)
    return calls


@pytest.mark.parametrize("broken", [1, 2])
def test_an_interrupt_between_the_two_renames_leaves_the_old_package(
    place: Path, monkeypatch: pytest.MonkeyPatch, broken: int
) -> None:
    monkeypatch.setattr(folder, "exchange", lambda *_: False)
    write(package(1), place)
    right, turns = os.rename, iter(range(1, 10))

    def interrupted(*arguments: Any, **more: Any) -> None:
        if next(turns) == broken:
            raise KeyboardInterrupt
        right(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write(package(2), place)
    assert (number(place), left_beside(place)) == (1, [])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
@pytest.mark.usefixtures("swap")
def test_a_crash_at_any_moment_leaves_the_old_package_or_the_new_one(place: Path) -> None:
    """A child that ends at once at its first, second, third ... call of the system, without any cleaning up."""
    write(package(1), place)
    seen = []
    for revision in range(1, 200):
        if write_and_crash(place, revision) == 0:
            break
        seen.append(number(place))
    assert seen[0] == 1
    assert set(seen) == {1, 2}
    assert number(place) == 2
    write(package(3), place)
    assert (number(place), left_beside(place)) == (3, [])


def write_and_crash(place: Path, revision: int) -> int:
    """Write package 2 over package 1 in a child that ends at its n-th call of the system; 0 where it came through."""
    child = os.fork()
    if child == 0:
        left = [revision]

        def crash(event: str, arguments: Any) -> None:
            if event.split(".")[0] in ("os", "open", "shutil", "tempfile"):
                left[0] -= 1
                if not left[0]:
                    os._exit(9)

        sys.addaudithook(crash)
        try:
            write(package(2), place)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


WRITER = """
import sys
import time
from pathlib import Path
from champion.bundle import folder
from tests.support.packages import package
if sys.argv[2] == "two renames":
    folder.exchange = lambda one, other: False
packages = [package(number, size=200_000) for number in range(1, 6)]
print("ready", flush=True)
while True:
    for made in packages:
        folder.write(made, Path(sys.argv[1]))
        time.sleep(0.001)
"""


def test_readers_never_see_half_a_package_while_a_writer_writes_and_is_killed(place: Path, swap: str) -> None:
    """Kill -9 as it comes, five times; after each the next writer goes on from what is there."""
    write(package(1, size=200_000), place)
    for _ in range(5):
        command = [sys.executable, "-c", WRITER, str(place), swap]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=environment) as writer:
            try:
                assert writer.stdout is not None
                assert writer.stdout.readline() == b"ready\n"
                seen = [number(place) for _ in range(100)]
            finally:
                writer.kill()
        assert None not in seen
        assert number(place) is not None
    write(package(9), place)
    assert (number(place), left_beside(place)) == (9, [])


def test_a_full_disk_leaves_the_old_package(tmp_path: Path) -> None:
    """On a disk of its own where this machine lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a disk; the call that fails is tested above")
    try:
        place = disk / "models" / "iris"
        write(package(1, size=60_000), place)
        with pytest.raises(PackageError, match=r"could not be written to models/iris \(No space left on device\)"):
            write(package(2, size=300_000), place)
        assert (number(place), left_beside(place)) == (1, [])
        write(package(3, size=60_000), place)
        assert number(place) == 3
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_file_in_the_place_of_the_package_is_replaced(place: Path) -> None:
    place.parent.mkdir()
    place.write_text("not a folder")

    write(package(1), place)
    assert number(place) == 1


def test_another_use_case_beside_it_is_left_alone(place: Path) -> None:
    other = place.parent / "iris-2"
    write(package(5), other)
    (place.parent / ".iris-2.new-1").mkdir()

    write(package(1), place)
    assert number(other) == 5
    assert (place.parent / ".iris-2.new-1").is_dir()


def test_two_folders_change_places(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)

    if not exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("this file system cannot exchange")
    assert (tmp_path / "one" / "file").read_text() == "other"
    assert (tmp_path / "other" / "file").read_text() == "one"


def test_a_folder_that_is_not_there_cannot_be_exchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "one", tmp_path / "other")


@pytest.mark.parametrize("reason", [None, errno.EINVAL, errno.ENOSYS, errno.EPERM])
def test_where_system_or_file_system_cannot_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int | None
) -> None:
    monkeypatch.setattr(folder, "_system_call", lambda: reason and (lambda *_: -1))
    monkeypatch.setattr(ctypes, "get_errno", lambda: reason)

    assert not exchange(tmp_path / "one", tmp_path / "other")


def test_an_exchange_that_fails_leaves_the_old_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(package(1), tmp_path / "iris")
    monkeypatch.setattr(folder, "_system_call", lambda: lambda *_: -1)
    monkeypatch.setattr(ctypes, "get_errno", lambda: errno.EIO)

    with pytest.raises(PackageError, match="the former one is untouched"):
        write(package(2), tmp_path / "iris")
    assert [path.name for path in tmp_path.iterdir()] == ["iris"]
