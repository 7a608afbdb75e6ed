"""What is larger than a model of this product, or than there is memory for, is known before it is read or unpacked."""

import json
import re
import resource
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline

from champion.bundle import folder, sizes
from champion.bundle.folder import MODEL, read, write
from champion.bundle.model import dumps, loads
from champion.bundle.sizes import Limit, Memory, check_sizes, check_unpacked, estimated, limit, memory, weighed
from champion.errors import MemoryLimitError, PackageError
from tests.support.packages import package

MB = 2**20
PLENTY = Memory(64 * 2**30, "plenty")


@pytest.mark.parametrize(
    ("packed", "unpacked", "method", "reason"),
    [
        (1 * MB, [64 * MB], zipfile.ZIP_DEFLATED, None),
        (1 * MB, [100 * MB, 160 * MB], zipfile.ZIP_DEFLATED, None),
        (100 * MB, [1500 * MB], zipfile.ZIP_STORED, None),
        (
            1 * MB,
            [200 * MB, 65 * MB],
            zipfile.ZIP_DEFLATED,
            "its 1,048,576 bytes unpack to 277,872,640, expected at most",
        ),
        (100 * MB, [1500 * MB, 600 * MB], zipfile.ZIP_DEFLATED, "expected at most 2,147,483,648"),
        (1 * MB, [1], zipfile.ZIP_LZMA, "in another way than deflate"),
    ],
)
def test_what_an_archive_unpacks_to_is_known_before_it_is_unpacked(
    packed: int, unpacked: list[int], method: int, reason: str | None
) -> None:
    parts = []
    for size in unpacked:
        part = zipfile.ZipInfo("0.npy")
        part.file_size, part.compress_type = size, method
        parts.append(part)
    if reason is None:
        check_sizes(parts, packed)
    else:
        with pytest.raises(ValueError, match=reason):
            check_sizes(parts, packed)


def group(root: Path, lines: str, **files: str) -> None:
    """A machine with 8 GiB free, whose process is in these control groups."""
    (root / "proc/self").mkdir(parents=True, exist_ok=True)
    (root / "proc/meminfo").write_text("MemTotal: 16777216 kB\nMemAvailable:    8388608 kB\n")
    (root / "proc/self/cgroup").write_text(lines)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("_max", ".max").replace("_limit", ".limit")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("lines", "files", "size"),
    [
        ("0::/\n", {"memory_max": "536870912\n"}, 512 * MB),
        ("0::/\n", {"memory_max": "max\n"}, 8192 * MB),
        ("0::/pod/one\n", {"pod__memory_max": "1073741824", "pod__one__memory_max": "max"}, 1024 * MB),
        ("4:memory:/docker/1f\n0::/\n", {"memory__memory_limit_in_bytes": "268435456"}, 256 * MB),
        ("4:memory:/\n", {"memory__memory_limit_in_bytes": "9223372036854771712"}, 8192 * MB),
        ("4:cpu,cpuacct:/\n", {}, 8192 * MB),
    ],
    ids=["version 2", "without a limit", "of a group above", "version 1", "version 1 without", "no memory group"],
)
def test_the_memory_is_the_least_that_container_and_system_leave(
    lines: str, files: dict[str, str], size: int, tmp_path: Path
) -> None:
    group(tmp_path, lines, **files)
    found = memory(tmp_path)
    assert (found.size, found.source.partition(" ")[0]) == (size, "what" if size == 8192 * MB else "the")


MAPPED = f"active_file {40 * MB}\nfile_mapped {20 * MB}\n"


def used(root: Path, folder: str, **files: str) -> None:
    for name, text in files.items():
        (root / "sys/fs/cgroup" / folder / name.replace("memory_", "memory.")).write_text(text)


def test_a_container_s_limit_is_known_with_what_is_in_use_and_what_is_kept_for_requests(tmp_path: Path) -> None:
    assert limit(tmp_path) is None, "no Linux"
    group(tmp_path, "0::/\n", memory_max="max")
    assert limit(tmp_path) is None
    group(tmp_path, "0::/pod/one\n", pod__memory_max=str(2048 * MB), pod__one__memory_max=str(512 * MB))
    used(tmp_path, "pod", memory_current=str(1000 * MB), memory_stat=f"anon 5\ninactive_file {100 * MB}\n")
    used(tmp_path, "pod/one", memory_current=str(200 * MB), memory_stat=f"inactive_file {30 * MB}\nfile 9\n" + MAPPED)
    found = limit(tmp_path)
    assert found == (512 * MB, 150 * MB), "the one that leaves the least room"
    assert found is not None
    assert (found.kept, found.room) == (64 * MB, 298 * MB)
    assert Limit(found.enough_for(400 * MB) + 8, found.used).room >= 400 * MB


def test_a_container_s_limit_of_version_1_is_known_and_one_above_the_machine_s_memory_is_none(tmp_path: Path) -> None:
    group(tmp_path, "4:memory:/docker/1f\n0::/\n", memory__memory_limit_in_bytes=str(512 * MB))
    used(tmp_path, "memory", memory_usage_in_bytes=str(90 * MB), memory_stat=f"total_inactive_file {30 * MB}\n")
    assert limit(tmp_path) == (512 * MB, 60 * MB)
    group(tmp_path, "4:memory:/\n", memory__memory_limit_in_bytes="9223372036854771712")
    assert limit(tmp_path) is None


def test_a_model_that_was_weighed_is_not_held_against_a_share_of_the_memory(
    forest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "_LEAST", 0)
    monkeypatch.setattr(sizes, "memory", lambda: Memory(6 * MB, "the limit of the container"))
    with weighed():
        loads(forest, "here")
    with pytest.raises(MemoryLimitError):
        loads(forest, "here")
    assert 2 * MB < estimated(forest) < 32 * MB
    assert estimated(b"no archive") == 0


def test_the_limit_of_the_user_counts_and_where_nothing_is_said_the_machine_s_whole_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert memory(tmp_path).source == "the memory of the machine"
    monkeypatch.setattr(resource, "getrlimit", lambda _: (700 * MB, resource.RLIM_INFINITY))
    assert memory(tmp_path) == (700 * MB, "the limit of address space (ulimit -v)")
    assert memory().size <= 700 * MB


@pytest.fixture(scope="module")
def forest() -> bytes:
    rows = np.random.default_rng(0).normal(size=(600, 4))
    return dumps(make_pipeline(RandomForestClassifier(40, random_state=0).fit(rows, np.arange(600) % 3)))


def test_an_honest_model_is_read_where_there_is_memory_for_it_and_refused_with_the_remedy_where_not(
    forest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "memory", lambda: Memory(512 * MB, "the limit of the container"))
    loads(forest, "here")
    monkeypatch.setattr(
        sizes, "memory", lambda: pytest.fail("it was asked for a model that may have what it needs anyway")
    )
    loads(forest, "here")
    monkeypatch.setattr(sizes, "_LEAST", 0)
    monkeypatch.setattr(sizes, "memory", lambda: Memory(6 * MB, "the limit of the container"))
    refused = (
        r"here is too large for the memory here: it unpacks to \d MiB, and loading it takes about \d+ MiB; a model may "
    )
    with pytest.raises(
        MemoryLimitError, match=refused + "take 2 MiB, a third of 6 MiB, which is the limit of the container. Give it"
    ):
        loads(forest, "here")


def test_a_package_is_not_read_into_memory_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(package(size=30_000), tmp_path / "iris")
    monkeypatch.setattr(sizes, "_LEAST", 0)
    monkeypatch.setattr(folder, "memory", lambda: Memory(252_000, "what the machine has free"))
    with pytest.raises(
        PackageError, match=rf"{MODEL} has 30,000 bytes, expected at most 28,000: loading takes about 3 times"
    ):
        read(tmp_path / "iris", "models/iris")


def test_all_files_but_the_model_have_one_bound_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = package()
    write(made, tmp_path / "iris")
    whole = sum(len(data) for name, data in made.contents.items() if name != MODEL)
    monkeypatch.setattr(sizes, "_LARGEST_OTHERS", whole)
    assert read(tmp_path / "iris", "models/iris") == made
    monkeypatch.setattr(sizes, "_LARGEST_OTHERS", whole - 1)
    with pytest.raises(PackageError, match="beside the others"):
        read(tmp_path / "iris", "models/iris")


def archive(*parts: tuple[str, bytes], says: int | None = None) -> zipfile.ZipFile:
    """An archive whose first part says in the list of parts that it has so many bytes."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        for name, data in parts:
            written.writestr(name, data)
        written.filelist[0].file_size = len(parts[0][1]) if says is None else says
    return zipfile.ZipFile(target)


@pytest.mark.parametrize("says", [None, 99, 101, 0])
def test_a_part_that_unpacks_to_other_than_it_says_is_refused(
    says: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "memory", lambda: PLENTY)
    monkeypatch.setattr(sizes, "_BLOCK", 7)
    made = archive(("0.npy", bytes(100)), says=says)
    if says is None:
        check_unpacked(made, 200, "here")
    else:
        with pytest.raises(
            ValueError, match=re.escape(f"0.npy, which does not unpack to the {says} bytes that it says")
        ):
            check_unpacked(made, 200, "here")


@pytest.mark.parametrize(("numbers", "refused"), [((1, 1), False), ((1, 2), True), ((None,), True)])
def test_an_array_is_unpacked_once(numbers: tuple[Any, ...], refused: bool) -> None:
    nodes = [{"file": "0.npy", **({} if number is None else {"__id__": number})} for number in numbers]
    made = archive(("0.npy", bytes(100)), ("schema.json", json.dumps({"content": nodes}).encode()))
    if refused:
        with pytest.raises(ValueError, match=r"0\.npy, which several objects name"):
            check_unpacked(made, 200, "here")
    else:
        check_unpacked(made, 200, "here")
