import ctypes
import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from champion.bundle import folder, sizes
from champion.bundle.build import build
from champion.bundle.folder import CARD, MANIFEST, MODEL, PROFILE, Package, exchange, parse_manifest, read, write
from champion.errors import PackageError
from tests.conftest import ROOT
from tests.support import own_examples
from tests.support.packages import about, package, profile


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
def test_what_is_written_is_read_and_before_there_is_none(place: Path) -> None:
    assert read(place, "models/iris") is None
    place.mkdir(parents=True)
    assert read(place, "models/iris") is None
    for count in (1, 2, 3):
        write(package(count), place)
        assert read(place, "models/iris") == package(count)
        assert left_beside(place) == []
    assert {path.name for path in place.iterdir()} == {MANIFEST, MODEL, PROFILE, CARD}
    assert place.stat().st_mode & 0o777 == 0o755  # everyone may read it


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        *(
            (
                lambda place, name=name: (place / name).write_bytes(b"x"),
                f"models/iris is refused: {name} does not match",
            )
            for name in (MODEL, PROFILE, CARD)
        ),
        (lambda place: (place / MODEL).write_bytes(b"x"), "fetched with `make pull`"),
        (lambda place: (place / PROFILE).unlink(), f"{PROFILE} is missing"),
        (lambda place: (place / "model.pkl").write_bytes(b"cos\nsystem\n"), "model.pkl does not belong to it"),
        (lambda place: (place / "cache").mkdir(), "cache does not belong to it"),
        (
            lambda place: ((place / CARD).unlink(), (place / CARD).mkdir()),
            f"{CARD} cannot be read (it is no regular file)",
        ),
        (
            lambda place: (place / CARD).write_bytes(bytes(10_001)),
            f"{CARD} has 10,001 bytes, expected at most ",
        ),
        (lambda place: (place / MANIFEST).unlink(), f"it has no {MANIFEST}"),
        (lambda place: (place / MANIFEST).write_bytes(b""), f"models/iris/{MANIFEST} is not readable as JSON"),
    ],
)
def test_what_does_not_belong_together_is_refused_by_name(
    place: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], expected: str
) -> None:
    write(package(), place)
    change(place)
    monkeypatch.setattr(sizes, "_LARGEST_OTHERS", 10_000)
    with pytest.raises(PackageError, match=re.escape(expected)):
        read(place, "models/iris")


WITH_CODE = build(b"x", profile(), own=own_examples.own(), **about())


def as_a_volume(place: Path, made: Package, dated: str) -> None:
    """As Kubernetes writes the volume of a ConfigMap, of a Secret, or a projected one, and writes it anew."""
    write(made, place / dated)
    (place / "..tmp").symlink_to(dated)
    (place / "..tmp").rename(place / "..data")
    for name in {path.relative_to(place / dated).parts[0] for path in (place / dated).iterdir()}:
        if not (place / name).is_symlink():
            (place / name).symlink_to(Path("..data") / name)


@pytest.mark.parametrize("made", [package(), WITH_CODE], ids=["plain", "with own code"])
def test_a_package_in_a_volume_that_kubernetes_writes_is_read(place: Path, made: Package) -> None:
    as_a_volume(place, made, "..2026_11_29")
    assert read(place, "models/iris") == made
    later = Package(made.manifest.model_copy(update={"model_version": 2}), made.files)
    as_a_volume(place, later, "..2026_11_30")
    shutil.rmtree(place / "..2026_11_29")
    assert read(place, "models/iris") == later
    (place / "..tmp").symlink_to("..")
    (place / "..tmp").rename(place / "..data")
    with pytest.raises(PackageError, match="models/iris is refused"):
        read(place, "models/iris")


def test_a_volume_that_is_turned_while_it_is_read_gives_no_mixture(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = package(1), package(2)
    as_a_volume(place, one, "..2026_11_29")
    real, turned = folder._content, list[bool]()

    def content(*given: Any) -> bytes:
        if not turned:
            turned.append(True)
            as_a_volume(place, other, "..2026_11_30")
        return real(*given)

    monkeypatch.setattr(folder, "_content", content)
    assert read(place, "models/iris") == one, "all of the state that it began with"
    assert read(place, "models/iris") == other


def test_what_git_sync_and_a_file_system_put_beside_the_files_is_not_of_the_package(place: Path) -> None:
    write(package(), place)
    (place / ".git").write_text("gitdir: ../.git/worktrees/1", encoding="utf-8")
    (place / "lost+found").mkdir()
    assert read(place, "models/iris") == package()


WHOLE = json.loads(folder.manifest_text(package().manifest))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, "is not readable as JSON") for text in ("", "{", "[1]", "null", '"text"', b"\xff\xfe", "[" * 100_000)),
        (WHOLE | {"format": 2}, "is of format 2; this version reads format 1. Use the version that wrote it"),
        (WHOLE | {"format": None}, "is of format None"),
        (WHOLE | {"model_version": "many"}, "model_version: Input should be a valid integer"),
        (WHOLE | {"classes": [1.5]}, "classes.0"),
        (WHOLE | {"surprise": 1}, "surprise: Extra inputs are not permitted"),
    ],
)
def test_a_foreign_or_broken_manifest_is_refused_with_the_reason(text: Any, expected: str) -> None:
    with pytest.raises(PackageError, match=re.escape(expected)):
        parse_manifest(json.dumps(text) if isinstance(text, dict) else text, "models/iris/manifest.json")


@pytest.mark.parametrize("classes", [("no", "yes"), (0, 1), (False, True), ("0", "1")])
def test_a_manifest_and_the_types_of_its_labels_survive_their_way_through_its_file(classes: tuple[object, ...]) -> None:
    manifest = package(classes=classes, params={"max_depth": None, "ü": [1.5]}).manifest
    back = parse_manifest(folder.manifest_text(manifest), "here")
    assert (back, repr(back.classes)) == (manifest, repr(classes))
    assert "Länge" in folder.manifest_text(manifest)


# Failures while writing


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")


@pytest.mark.parametrize(
    ("call", "error"),
    [*((call, FULL) for call in ("mkdir", "fsync", "rename", "chmod", "open")), ("rename", KeyboardInterrupt())],
)
def test_a_call_that_fails_leaves_the_old_package_whole(
    place: Path, monkeypatch: pytest.MonkeyPatch, swap: str, call: str, error: BaseException
) -> None:
    """Whichever time the call fails, from the first to the last."""
    right, turns = getattr(os, call), [0]

    def sometimes(*arguments: Any, **more: Any) -> Any:
        turns[0] -= 1
        if turns[0] == 0:
            raise error
        return right(*arguments, **more)

    monkeypatch.setattr(os, call, sometimes)
    for revision in range(1, 100):
        write(package(1), place)
        turns[0], said = revision, ""
        try:
            write(package(2), place)
        except (PackageError, KeyboardInterrupt) as stopped:
            said = str(stopped) or "interrupted"
        came, turns[0] = turns[0] <= 0, 0
        assert number(place) == (1 if said else 2)
        assert said in ("", "interrupted") or "models/iris (No space left on device); the former one is unt" in said
        assert left_beside(place) == [] or call == "open", "to remove a folder it is opened"
        if not came:
            break
    assert revision > 1 or (swap == "exchange" and call == "rename")
    write(package(3), place)
    assert (number(place), left_beside(place)) == (3, [])


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


def test_a_package_is_read_whole_however_often_another_takes_its_place(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(package(1), place)
    write(package(2), tmp_path / "other")
    opened = folder.opened

    def exchanged(*arguments: Any) -> Any:
        assert exchange(place, tmp_path / "other")
        return opened(*arguments)

    monkeypatch.setattr(folder, "opened", exchanged)
    assert read(place, "models/iris") in (package(1), package(2))


WRITER = """
import sys
import time
from pathlib import Path
from champion.bundle import folder, sizes
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


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.long)])
def test_readers_never_see_half_a_package_while_a_writer_writes_and_is_killed(
    place: Path, swap: str, times: int
) -> None:
    """Kill -9 as it comes; after each the next writer goes on from what is there."""
    write(package(1, size=200_000), place)
    for _ in range(times):
        command = [sys.executable, "-c", WRITER, str(place), swap]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
            try:
                assert writer.stdout.readline() == b"ready\n"
                seen = [number(place) for _ in range(100)]
            finally:
                writer.kill()
        assert None not in seen
        assert number(place) is not None
    write(package(9), place)
    assert (number(place), left_beside(place)) == (9, [])


def test_what_stands_in_the_place_is_replaced_and_another_use_case_beside_it_left_alone(place: Path) -> None:
    other = place.parent / "iris-2"
    write(package(5), other)
    (place.parent / ".iris-2.new-1").mkdir()
    place.write_text("not a folder")
    write(package(1), place)
    assert (number(place), number(other)) == (1, 5)
    assert (place.parent / ".iris-2.new-1").is_dir()


def test_two_folders_change_places_where_both_are_there(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    if not exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("this file system cannot exchange")
    assert [(tmp_path / name / "file").read_text() for name in ("one", "other")] == ["other", "one"]
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "one", tmp_path / "neither")


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
