"""What DVC tracks by other means than a pointer beside the table and a plain stage: one case a kind."""

import hashlib
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from champion.datastore import dvc, index
from champion.datastore.fetch import fetch_missing, pull, pull_pointer
from champion.errors import ProjectError
from champion.workspace.files import write_text
from tests.unit.datastore.conftest import configure

STAGES = {
    "each": {"foreach": {"one": "data/each.csv"}, "do": {"cmd": "cp table.csv ${item}", "outs": ["${item}"]}},
    "grid": {"matrix": {"a": ["x"], "b": [1]}, "cmd": "cp table.csv data/${item.a}-${item.b}.csv"}
    | {"outs": ["data/${item.a}-${item.b}.csv"]},
    "made": {"cmd": "cp table.csv ${out}", "outs": ["${out}"]},
    "inside": {"wdir": "data", "cmd": "cp ../table.csv moved.csv", "outs": ["moved.csv"]},
}
KINDS = {  # the table: what DVC calls what tracks it
    "data/each.csv": "each@one",
    "data/x-1.csv": "grid@x-1",
    "data/templated.csv": "made",
    "data/moved.csv": "inside",
    "sub/nested.csv": "sub/dvc.yaml:nested",
    "data/imported.csv": "data/imported.csv.dvc",
    "data/promised.csv": "data/promised.csv.dvc",
    "folder/of/logs.csv": "folder.dvc",
}


def test_a_table_that_dvc_tracks_in_whatever_way_is_known_fetched_and_compared(root: Path, tmp_path: Path) -> None:
    configure(root, tmp_path / "remote")
    table = (root / "table.csv").read_bytes()
    (tmp_path / "source.csv").write_bytes(table)
    for name in ("data", "sub", "folder/of"):
        (root / name).mkdir(parents=True)
    (root / "params.yaml").write_text("out: data/templated.csv\n")
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    nested = {"cmd": "cp ../table.csv nested.csv", "outs": ["nested.csv"]}
    (root / "sub/dvc.yaml").write_text(yaml.safe_dump({"stages": {"nested": nested}}))
    (root / "folder/of/logs.csv").write_bytes(table)
    for command in (
        ("repro", "--quiet", "--all-pipelines"),
        ("import-url", "--quiet", str(tmp_path / "source.csv"), "data/imported.csv"),
        ("import-url", "--quiet", "--no-download", str(tmp_path / "source.csv"), "data/promised.csv"),
        ("add", "--quiet", "folder"),
        ("push", "--quiet"),
    ):
        done = dvc.run(root, *command)
        assert done.ok, done.output
    assert set(KINDS.values()) < set(index.targets(root))

    for name in KINDS:
        (root / name).unlink(missing_ok=True)
    shutil.rmtree(root / ".dvc/cache")
    pull(root)
    for name, target in KINDS.items():
        path = root / name
        assert path.read_bytes() == table, name
        assert index.changed_warning(root, path, index.data_version(path)) is None, name
        path.write_bytes(table + b"3,c\n")
        warning = str(index.changed_warning(root, path, index.data_version(path)))
        usual = target == f"{name}.dvc"
        assert f"`dvc {'add' if usual else 'commit'} {name if usual else target}` records it" in warning
        path.unlink()
    assert fetch_missing(root, root / "folder/of/logs.csv") == "folder/of/logs.csv came from DVC's cache"
    (root / ".dvc/config").unlink()
    shutil.rmtree(root / ".dvc/cache")
    promised = "data/promised.csv"
    assert fetch_missing(root, root / promised) == f"{promised} came from where it was imported", (
        "which takes no remote"
    )


@pytest.mark.parametrize("kind", ["symlink", "hardlink"])
def test_a_table_that_dvc_checked_out_as_a_link_is_itself_and_no_writer_reaches_the_cache(
    root: Path, kind: str
) -> None:
    (root / "table.csv.dvc").unlink()
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"made": {"cmd": "true", "outs": ["table.csv"]}}}))
    (root / ".dvc/config").write_text(f"[cache]\n    type = {kind}\n")
    assert dvc.run(root, "commit", "--force").ok
    path = root / "table.csv"
    before = index.data_version(path)
    cached = index.cached_file(root, before)
    assert cached is not None
    assert path.samefile(cached)
    assert index.tracked(root, path) == index.Tracked(before, "made", None)
    write_text(path, "other\n")
    assert path.read_text() == "other\n"
    assert index.cached_file(root, before), "the cache has what its name says"
    assert str(index.changed_warning(root, path, index.data_version(path))).startswith("table.csv has changed since")


def test_a_pointer_of_dvc_2_names_a_text_by_the_md5_of_its_lines_as_unix_ends_them(root: Path) -> None:
    path, crlf = root / "old.csv", b"a,b\r\n1,2\r\n"
    path.write_bytes(crlf)
    md5 = hashlib.md5(b"a,b\n1,2\n").hexdigest()
    (root / "old.csv.dvc").write_text(f"outs:\n- md5: {md5}\n  size: 10\n  path: old.csv\n")
    assert index.changed_warning(root, path, index.data_version(path)) is None
    cached = root / ".dvc/cache" / md5[:2] / md5[2:]
    cached.parent.mkdir(parents=True)
    path.rename(cached)
    assert fetch_missing(root, path) == "old.csv came from DVC's cache"
    assert path.read_bytes() == crlf
    path.write_bytes(crlf + b"3,4\r\n")
    assert "`dvc add old.csv` records it" in str(index.changed_warning(root, path, index.data_version(path)))


def test_a_pointer_that_a_push_rewrote_for_a_remote_that_keeps_versions_names_the_same_folder(root: Path) -> None:
    pointer = root / "package.dvc"
    before = index.pointed(pointer)
    with Repo(str(root)) as repository:
        repository.stage.load_one(str(pointer)).dump(with_files=True, update_pipeline=False)  # as such a push does
    (out,) = yaml.safe_load(pointer.read_text())["outs"]
    assert "md5" not in out
    assert {entry["relpath"] for entry in out["files"]} == {"empty", "manifest.json", "model.skops"}
    assert index.pointed(pointer) == before
    shutil.rmtree(root / ".dvc/cache")
    assert index.tracked(root, root / "package/empty").md5 == index.data_version(root / "package/empty")


@pytest.mark.parametrize(
    "name", ["../beside.txt", "a/../../b", "/tmp/x", "a//b", "..\\\\b", ".git/config", "code/.GIT", "", "."]
)
def test_a_folder_that_lists_a_name_outside_of_it_is_refused_before_dvc_is_called(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    index.require_inside(["model.skops", "code/own.py", "..data", "a..b/.gitignore"], "models/iris")
    configure(root, tmp_path / "remote")
    listing = json.dumps([{"md5": "0" * 32, "relpath": name}])
    md5 = hashlib.md5(listing.encode()).hexdigest() + ".dir"
    cached = root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_text(listing)
    pointer = root / "package.dvc"
    pointer.write_text(f"outs:\n- md5: {md5}\n  hash: md5\n  path: package\n")
    monkeypatch.setattr(dvc, "run", lambda *_, **__: pytest.fail("dvc was called"))
    for fetch in (lambda: pull(root), lambda: pull_pointer(root, pointer)):
        with pytest.raises(ProjectError, match="is refused, and nothing of it was written"):
            fetch()
    assert not (root / "beside.txt").exists()


def test_a_pull_that_changes_what_git_tracks_says_so(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(root, tmp_path / "remote")
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")
    (root / "notes.txt").write_text("first\n")
    subprocess.run([*git, "add", "."], cwd=root, check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "all"], cwd=root, check=True)
    (root / "package.dvc").write_text((root / "package.dvc").read_text() + "desc: changed before\n")

    def pulls(*_: object, **__: object) -> dvc.Done:
        (root / "notes.txt").write_text("other\n")
        return dvc.Done(True, "1 file fetched")

    monkeypatch.setattr(dvc, "run", pulls)
    with pytest.raises(ProjectError, match=r"^The pull changed notes\.txt, which git tracks"):
        pull(root)


@pytest.mark.parametrize("name", ["table.csv.dvc", "dvc.lock"])
@pytest.mark.parametrize(("side", "kept", "ask"), [("--ours", "b" * 32, False), ("--theirs", "a" * 32, True)])
def test_what_two_branches_recorded_is_refused_with_commands_that_end_the_conflict(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str, side: str, kept: str, ask: bool
) -> None:
    monkeypatch.chdir(root)
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")
    outs = {"outs": [{"md5": "0" * 32, "hash": "md5", "path": "table.csv"}]}
    content = outs if name != "dvc.lock" else {"schema": "2.0", "stages": {"made": {"cmd": "true", **outs}}}
    if name == "dvc.lock":
        (root / "table.csv.dvc").unlink()
        (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"made": {"cmd": "true", "outs": ["table.csv"]}}}))

    def record(md5: str, *branch: str) -> None:
        subprocess.run([*git, "switch", "--quiet", *branch], check=True)
        (root / name).write_text(yaml.safe_dump(content).replace("0" * 32, md5))
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", md5], check=True)

    record("0" * 32, "--create", "one")
    record("a" * 32, "--create", "two")
    record("b" * 32, "one")
    assert subprocess.run([*git, "merge", "--quiet", "two"], check=False, stdout=subprocess.DEVNULL).returncode
    with pytest.raises(ProjectError, match="git could not merge what two branches say") as error:
        index.targets(root) if ask else index.tracked(root, root / "table.csv")
    for command in re.findall(f"`(git (?:checkout {side}|add) [^`]+)`", str(error.value)):
        subprocess.run(shlex.split(command), check=True)
    assert index.tracked(root, root / "table.csv").md5 == kept
    assert "package.dvc" in index.targets(root)
    subprocess.run([*git, "commit", "--quiet", "--no-edit"], check=True)


def test_the_cache_is_where_cache_dir_says_and_a_pointer_is_read_as_dvc_writes_it(root: Path, tmp_path: Path) -> None:
    """An experiment in a temporary folder has the checkout's cache; DVC writes YAML 1.2, where 1e-05 is a number."""
    content = b"of the champion"
    md5 = hashlib.md5(content).hexdigest()
    cached = tmp_path / "elsewhere/files/md5" / md5[:2] / md5[2:]
    cached.parent.mkdir(parents=True)
    cached.write_bytes(content)
    assert index.cached_file(root, md5) is None
    (root / ".dvc/config.local").write_text("[cache]\n    dir = ../../elsewhere\n")
    assert (root / ".dvc/../../elsewhere").resolve() == tmp_path / "elsewhere"
    assert index.restore(root, md5, root / "restored")
    assert (root / "restored").read_bytes() == content

    pointer = root / "models.dvc"
    pointer.write_text(
        f"outs:\n- md5: {md5}.dir\n  path: models\nmeta:\n  model_version: 3\n  metrics: {{gain: 1e-05}}\n"
    )
    named = index.read_pointer(pointer)
    assert (named.number, named.metrics, named.text("by")) == (3, {"gain": 1e-05}, None)
