"""Remotes that are not Google Drive: the real dvc's failures, explained in the words of their own kind."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from champion.datastore import dvc, fetch, publish, remote
from champion.datastore.backends import table
from champion.datastore.backends.base import RemoteError, Symptom
from champion.datastore.backends.other import OtherBackend
from champion.datastore.backends.table import backend_of
from tests.support.loopback import Answering
from tests.unit.datastore.conftest import configure, files, forget


def pull_anew(root: Path) -> str:
    forget(root)
    return fetch.pull(root, "table.csv.dvc")


def push(root: Path) -> str:
    return publish.push(root, "table.csv.dvc")


CALLS = (push, pull_anew, remote.check)


def refusal(call: Callable[[Path], str], root: Path) -> RemoteError:
    with pytest.raises(RemoteError) as refused:
        call(root)
    lines = str(refused.value).splitlines()
    assert len(lines) == 2, "a cause and a remedy"
    assert not [word for word in ("google", "drive client", "gdrive") if word in str(refused.value).casefold()]
    return refused.value


@pytest.mark.parametrize(
    ("url", "call", "cause", "remedy"),
    [
        *(("s3://b/path", call, "by dvc-s3, which is not installed", "pip install") for call in CALLS),
        ("http://127.0.0.1:9/path", push, "host cannot be reached", "dvc remote list"),
        ("/proc/nothing/here", push, "/proc/nothing is not there or does not answer", "Mount the drive"),
        ("{tmp}/missing", pull_anew, "The folder {tmp}/missing of the remote drive does not exist", "Mount the drive"),
        ("{tmp}/file", push, "a part of its path is a file", "Move that file away"),
        ("{tmp}/file", remote.check, "The folder {tmp}/file of the remote drive does not exist", "correct the address"),
    ],
)
def test_a_failure_is_explained_in_the_words_of_its_own_kind(
    root: Path, tmp_path: Path, url: str, call: Callable[[Path], str], cause: str, remedy: str
) -> None:
    (tmp_path / "file").write_text("")
    configure(root, url.format(tmp=tmp_path))
    refused = refusal(call, root)
    assert cause.format(tmp=tmp_path) in refused.cause
    assert remedy in refused.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(root: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o555)
    configure(root, tmp_path / "closed")
    for call in (push, remote.check):
        assert f"may not read or write {tmp_path}/closed" in refusal(call, root).cause


def test_a_folder_says_what_it_lacks_a_push_makes_it_and_a_pull_gives_the_same_bytes(
    root: Path, tmp_path: Path
) -> None:
    configure(root, tmp_path / "new")
    before = files(root)
    assert remote.available(root)
    assert "`make push` makes it" in remote.check(root)
    assert "1 file pushed" in push(root)
    assert remote.check(root) == f"the folder {tmp_path}/new; not pushed yet: package (`make push`)"
    publish.push(root)
    forget(root)
    fetch.pull(root)
    assert files(root) == before
    shutil.rmtree(tmp_path / "new/files")
    pushed = refusal(pull_anew, root)
    assert "table.csv was never pushed: the remote does not have it" in pushed.cause


@pytest.mark.parametrize(
    ("status", "cause", "passing"),
    [
        (401, "takes no credentials", False),
        (403, "does not know these credentials, or does not let them", False),
        (503, "failed itself", True),
    ],
)
def test_what_a_server_answers_is_explained(root: Path, status: int, cause: str, passing: bool) -> None:
    with Answering((status, 0)) as server:
        configure(root, f"{server.url}/path")
        refused = refusal(push, root)
    assert cause in refused.cause
    assert refused.passing is passing


FOLDER = {
    "[Errno 13] Permission denied: '/srv/store/files'": "This user may not read or write /srv/store/files.",
    "[Errno 30] Read-only file system: '/srv/store/files'": "mounted to be read only",
    "[Errno 28] No space left on device: '/cache/a' -> '/srv/a.tmp'": "no room left to write /srv/a.tmp",
    "[Errno 116] Stale file handle: '/srv/store'": "the drive that it lies on may not be mounted",
}
RETRIED = "when calling the HeadObject operation (reached max retries: 4)"
BUCKET = {
    "Forbidden: An error occurred (403) when calling the HeadObject operation": "does not know these",
    "Unable to locate credentials": "takes no credentials",
    'Could not connect to the endpoint URL: "http://127.0.0.1:9/b/files/md5"': "cannot be reached",
    'Invalid bucket name "B!": Bucket name must match the regex': "bucket of the remote does not exist",
    "An error occurred (NoSuchBucket) when calling the PutObject operation": "bucket of the remote does",
    "SSL validation failed for https://localhost:9/b Cannot connect to host localhost:9 ssl:True "
    "[SSLCertVerificationError: (1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get "
    "local issuer certificate (_ssl.c:1006)')]": "certificate of the server that answered is not trusted",
    "SSL validation failed for https://127.0.0.1:9/b Cannot connect to host 127.0.0.1:9 ssl:default "
    "[[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)]": "does not speak TLS",
    f"An error occurred (503) {RETRIED}": "failed itself",
    f"An error occurred (429) {RETRIED}": "fewer calls",
}


@pytest.mark.parametrize(
    ("url", "said", "cause"),
    [(url, *row) for url, texts in [("/srv", FOLDER), ("s3://b", BUCKET)] for row in texts.items()],
)
def test_what_dvc_says_of_a_folder_and_of_a_bucket_is_known(url: str, said: str, cause: str) -> None:
    """As real dvc printed it, but for the mount and the handle, which are after the text of their number.

    S3 is dvc 3.67.1 with dvc-s3 3.3.0 (s3fs 2026.9.0): keys, connection and names beside SeaweedFS 4.48, where a wrong
    key and a wrong secret are answered alike; no bucket beside moto 5.2.5, as SeaweedFS makes one; certificate, 503 and
    429 beside Python's own server. The texts of other kinds of buckets were never seen here.
    """
    problem = backend_of(url).diagnose(f"ERROR: unexpected error - {said}\n")
    assert problem is not None
    assert cause in problem.cause


def test_a_new_kind_of_remote_is_a_module_and_a_row(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its diagnosis, its look for the doctor, and what is hidden of it are found by the row alone."""

    class Bucket(OtherBackend):
        schemes = ("s3",)
        symptoms = (Symptom("requires '(?P<name>dvc-s3)'", "{name} is missing.", "Install it."), *OtherBackend.symptoms)

    monkeypatch.setattr(table, "BACKENDS", (Bucket(), *table.BACKENDS))
    configure(root, "s3://bucket/path")
    for call in (push, remote.check):
        assert refusal(call, root).cause == "dvc-s3 is missing."
    assert isinstance(backend_of("gs://bucket"), OtherBackend)
    assert {"AWS_SECRET_ACCESS_KEY", "GDRIVE_CREDENTIALS_DATA"} < set(table.SECRETS)


def test_a_remote_that_keeps_versions_is_asked_what_it_can_answer_and_what_it_lacks_is_told_as_it_is(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As dvc 3.67.1 with dvc-s3 3.3.0 said beside SeaweedFS 4.48; it knows no `dvc status --cloud` there."""
    configure(root, "s3://b/dvc", version_aware="true")
    gone = "ERROR: The path 'remote://drive' does not exist: "
    for said, found in [
        ("data\nmodels", "`dvc ls-url remote://drive` finds no fault"),
        (f"{gone}b/dvc", "nothing was pushed there yet"),
    ]:
        monkeypatch.setattr(dvc, "run", lambda *_, said=said, **__: dvc.Done(not said.startswith("ERR"), said))
        assert found in remote.check(root)
    monkeypatch.setattr(dvc, "run", lambda *_, **__: dvc.Done(False, f"{gone}The specified bucket does not exist"))
    assert "The bucket of the remote does not exist" in refusal(remote.check, root).cause
    lost = "ERROR: Checkout failed for following targets:\npackage\nIs your cache up to date?"
    monkeypatch.setattr(dvc, "run", lambda *_, **__: dvc.Done(False, lost))
    assert "names no version of the remote" in refusal(fetch.pull, root).cause

    def pushed(folder: Path, *_: str, **__: object) -> dvc.Done:
        (folder / "package.dvc").write_text((folder / "package.dvc").read_text() + "# versions\n")
        return dvc.Done(True, "4 files pushed")

    told: list[str] = []
    monkeypatch.setattr(dvc, "run", pushed)
    publish.push(root, tell=told.append)
    assert told[1:] == [
        "the versions that the remote gave stand in package.dvc: commit that, else nobody can pull them"
    ]


def test_without_a_remote_nothing_is_shared(root: Path) -> None:
    configure(root)
    assert "nothing is shared" in remote.check(root)
    assert not remote.available(root)
    with pytest.raises(RemoteError, match="No DVC remote is set"):
        push(root)
    configure(root, "s3://bucket/path")
    with pytest.raises(RemoteError, match="needs no login"):
        remote.login(root)
