"""Push and pull against a double of Google Drive, with the unmodified client; last the whole way of a team, as commands."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from champion.datastore import dvc, fetch, publish, remote
from champion.datastore.backends.base import RemoteError
from tests.conftest import Checkout, iris_csv, tree
from tests.support.doubles.drive import GoogleDrive
from tests.unit.datastore.conftest import Desk, configure, equip, files, forget

UPLOAD = "PUT www.googleapis.com/upload"
LOOK = "GET www.googleapis.com/drive/v2/files"
TOKEN = "POST oauth2.googleapis.com/token"


@pytest.mark.parametrize("make", [Desk.account, Desk.user])
def test_a_push_and_a_pull_in_a_fresh_clone_give_the_same_bytes(desk: Desk, make: Callable[[Desk], Any]) -> None:
    before = files(desk.root)
    credentials, folder = make(desk)
    if make is Desk.account:  # as a secret comes that was escaped once too often on its way
        credentials["private_key"] = credentials["private_key"].replace("\n", "\\n")
    desk.use(credentials, folder)
    whom = "robot@project.iam.gserviceaccount.com" if make is Desk.account else "own.apps.googleusercontent.com"
    assert whom in (seen := remote.check(desk.root))
    assert ("a shared drive" in seen) is (make is Desk.account)
    assert desk.drive.count(TOKEN) == 1
    assert desk.drive.count(LOOK) >= 1
    assert "files pushed" in publish.push(desk.root)
    assert desk.drive.count(UPLOAD) == 5, "the double was not used: is pysocks in the environment?"
    calls = len(desk.drive.calls)
    assert "up to date" in publish.push(desk.root)
    assert desk.drive.count(UPLOAD) == 5, "nothing is sent twice"
    assert len(desk.drive.calls) > calls
    forget(desk.root)
    assert files(desk.root) == {}
    assert "files added" in fetch.pull(desk.root)
    assert files(desk.root) == before
    assert desk.drive.count("alt=media") >= 4


def test_the_remote_may_come_from_the_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials, folder = desk.account()
    desk.use(credentials, folder)
    configure(desk.root)
    assert not remote.available(desk.root), "no remote is configured"
    monkeypatch.setenv("DVC_REMOTE_URL", "nothing://here")
    with pytest.raises(RemoteError, match=r"DVC refuses DVC_REMOTE_URL: .*Unsupported URL type nothing"):
        remote.available(desk.root)
    monkeypatch.setenv("DVC_REMOTE_URL", f"gdrive://{folder}")
    assert remote.available(desk.root)
    assert "pushed" in publish.push(desk.root, "table.csv.dvc")
    assert folder in (desk.root / ".dvc/config.local").read_text()
    monkeypatch.setenv("GDRIVE_CREDENTIALS_DATA", "")
    assert not remote.available(desk.root), "a fork has no secret"


def test_a_pointer_of_another_commit_is_fetched_beside_itself(desk: Desk) -> None:
    before = files(desk.root)
    publish.push(desk.root)
    pointer = desk.root.parent / "elsewhere" / "package.dvc"
    pointer.parent.mkdir()
    pointer.write_bytes((desk.root / "package.dvc").read_bytes())
    (desk.root / "package/model.skops").write_bytes(b"another")
    assert dvc.run(desk.root, "add", "--quiet", "package").ok
    forget(desk.root)
    package = fetch.pull_pointer(desk.root, pointer, pointer.parent)
    assert package == pointer.parent / "package"
    assert (package / "model.skops").read_bytes() == before["model.skops"]
    assert not (desk.root / "package").exists()
    assert desk.drive.count("alt=media") > 0
    calls = len(desk.drive.calls)
    shutil.rmtree(package)
    assert fetch.pull_pointer(desk.root, pointer, pointer.parent).is_dir(), "the second time it comes from the cache"
    assert len(desk.drive.calls) == calls
    with pytest.raises(RemoteError, match="never pushed"):
        fetch.pull_pointer(desk.root, desk.root / "package.dvc")


def test_a_push_broken_in_the_middle_is_completed_by_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "WAITS", ())
    publish.push(desk.root, "table.csv.dvc")
    desk.drive.fail(UPLOAD, times=1000)
    with pytest.raises(RemoteError, match="connection broke") as broken:
        publish.push(desk.root)
    assert "not sent twice" in broken.value.remedy
    desk.drive.faults.clear()
    desk.drive.calls.clear()
    publish.push(desk.root)
    assert desk.drive.count(UPLOAD) == len(files(desk.root)), "the package's listing; the table was there"


def test_what_was_never_pushed_is_told_by_name_and_bytes_changed_on_the_remote_are_refused(desk: Desk) -> None:
    table = files(desk.root)["table.csv"]
    publish.push(desk.root, "table.csv.dvc")
    assert "not pushed yet: package (`make push`)" in remote.check(desk.root)
    forget(desk.root)
    for call in (fetch.pull, remote.check):
        with pytest.raises(RemoteError, match="package was never pushed"):
            call(desk.root)
    assert (desk.root / "table.csv").is_file(), "what is there has come"

    stored = [item for item in desk.drive.items.values() if item.content == table]
    stored[-1].content = table.replace(b"1,a", b"1,b")
    with pytest.raises(RemoteError, match=r"other bytes than their name says for table.csv"):
        remote.check(desk.root)
    forget(desk.root)
    with pytest.raises(RemoteError, match=r"table.csv is refused: the remote holds other bytes"):
        fetch.pull(desk.root, "table.csv.dvc")
    assert not (desk.root / "table.csv").exists()


@pytest.mark.parametrize(
    ("calls", "fault", "again"),
    [
        (rf"{LOOK}\?", {"status": 403, "reason": "userRateLimitExceeded", "message": "User Rate Limit Exceeded"}, ""),
        (rf"{LOOK}\?", {"status": 503, "reason": "backendError"}, ""),
        (rf"{LOOK}\?", {"status": 401, "reason": "authError", "message": "Invalid Credentials"}, ""),
        (rf"{LOOK}\?", {"status": 429, "reason": "rateLimitExceeded"}, "Trying again"),
        (UPLOAD, {"times": 2}, "The connection broke"),  # the client itself sends once more at once
    ],
)
def test_what_passes_is_waited_for(desk: Desk, calls: str, fault: dict[str, Any], again: str) -> None:
    desk.drive.fail(calls, **fault)
    lines: list[str] = []
    assert "pushed" in publish.push(desk.root, "table.csv.dvc", tell=lines.append)
    waited = [line for line in lines if "Trying again" in line]
    assert bool(waited) is bool(again), "what DVC does not try again itself"
    assert all(again in line for line in waited)
    assert desk.drive.faults[0].times == 0


READ_ONLY = "The user does not have sufficient permissions for this file."


@pytest.mark.parametrize(
    ("calls", "status", "reason", "message", "cause"),
    [
        (LOOK, 429, "rateLimitExceeded", "", "fewer calls a minute"),
        ("PUT ", 403, "quotaExceeded", "The user's Drive storage quota has been exceeded.", "Drive is full"),
        ("POST www", 403, "insufficientFilePermissions", READ_ONLY, "may read the folder but not write"),
    ],
)
def test_what_does_not_pass_ends_in_its_cause(
    desk: Desk, calls: str, status: int, reason: str, message: str, cause: str
) -> None:
    desk.drive.fail(calls, times=1000, status=status, reason=reason, message=message)
    with pytest.raises(RemoteError, match=cause) as refused:
        publish.push(desk.root, "table.csv.dvc")
    assert refused.value.passing is (status == 429), "a limit of calls is tried again"


def test_an_access_token_that_expires_in_the_middle_is_renewed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.use(*desk.user())
    answer, begun = desk.drive.answer, []

    def expiring(request: Any) -> None:
        if "/upload" in request.path and not begun:
            begun.append(request.path)
            desk.drive.bearers.clear()
        answer(request)

    monkeypatch.setattr(desk.drive, "answer", expiring)
    assert "pushed" in publish.push(desk.root, "table.csv.dvc")
    assert begun
    assert desk.drive.count(TOKEN) >= 2


def test_a_client_that_hangs_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.drive.fail(TOKEN, times=1000, hang=60)
    monkeypatch.setenv("DVC_TIME_LIMIT", "4")
    monkeypatch.setattr(remote, "WAITS", ())
    with pytest.raises(RemoteError, match="took too long"):
        publish.push(desk.root)


def test_a_champion_goes_over_drive_to_a_fresh_clone(
    checkout: Checkout, drive: GoogleDrive, client: Path, tmp_path: Path
) -> None:
    account = drive.service_account()
    checkout.env |= {"HTTPS_PROXY": drive.url, "HTTPLIB2_CA_CERTS": str(drive.authority)}
    checkout.env["GDRIVE_CREDENTIALS_DATA"] = json.dumps(account)
    equip(checkout.root, client)
    checkout.dvc("remote", "add", "--default", "drive", f"gdrive://{drive.folder(account)}")
    table, pointer = checkout.root / "data/own.csv", checkout.root / "models/iris.dvc"
    table.write_bytes(iris_csv() + b"5.0,3.5,1.3,0.3,setosa\n")
    pushed = []
    for version in (1, 2):
        checkout.write_use_case(tree(version, data={"path": "data/own.csv"}))
        checkout.run("train")
        assert pointer.exists() is (version == 2), "a run changes no tracked file"
        pushed.append(checkout.run("data", "push"))
        assert f"models/iris.dvc names version {version}" in pushed[-1].stderr
        assert checkout.git("status", "--porcelain", "models")[3:] == "models/iris.dvc\n"
        checkout.git("add", "--all")
        checkout.git("commit", "--quiet", "--message", f"champion {version}")
    assert ["data/own.csv is recorded as data version" in push.stderr for push in pushed] == [True, False]
    told = ("use_case", "model_version", "metrics", "data_version", "commit")
    assert (
        yaml.safe_load(pointer.read_text())["meta"].items()
        >= {each: checkout.manifest()[each] for each in told}.items()
    )
    checkout.run("data", "push")
    assert checkout.git("status", "--porcelain") == "", "the same package has the same pointer"

    clone = Checkout(tmp_path / "clone", tmp_path / "another_home", dict(checkout.env))
    clone.home.mkdir()
    checkout.git("clone", "--quiet", str(checkout.root), str(clone.root))
    equip(clone.root, client)
    pulled = clone.run("data", "pull", "models/iris.dvc")
    for name in ("manifest.json", "model.skops", "profile.json", "MODEL_CARD.md"):
        assert (clone.root / "models/iris" / name).read_bytes() == (checkout.root / "models/iris" / name).read_bytes()
    assert clone.json("rollback")["champion"] == 1, (
        "into an empty store, the former package from Drive by git's pointer"
    )
    assert {version["number"]: version["stage"] for version in clone.models()} == {1: "production", 2: "archived"}
    assert clone.git("status", "--porcelain") == ""
    trained = clone.train()
    assert any("data/own.csv came from the DVC remote" in note for note in trained["notes"] + trained["warnings"])
    assert (clone.root / "data/own.csv").read_bytes() == table.read_bytes()

    doctor = clone.run("doctor", expect=None).stdout
    assert f"reached as the service account {account['client_email']}" in doctor
    texts = "".join(done.stderr + done.stdout for done in (*pushed, pulled))
    assert "FutureWarning" not in texts
    configs = [*(checkout.root / ".dvc").glob("config*"), *(clone.root / ".dvc").glob("config*")]
    assert "PRIVATE KEY" not in texts + doctor + "".join(path.read_text() for path in configs)

    clone.env["GDRIVE_CREDENTIALS_DATA"] = ""
    shutil.rmtree(clone.root / ".dvc/cache")
    cause, remedy = clone.run("data", "pull", expect=1).stderr.strip().splitlines()
    assert cause.startswith("Error: There are no credentials for Drive")
    assert "Without Drive, training, judging, predicting and rolling back go on" in remedy
    doctor = clone.run("doctor", expect=1).stdout
    assert "FAIL  remote: There are no credentials for Drive" in doctor
    assert "Without Drive, training" in doctor

    (checkout.root / "models/iris/model.skops").write_bytes(b"x")
    assert "models/iris is refused" in checkout.run("data", "push", expect=1).stderr
    assert checkout.git("status", "--porcelain") == "", "the pointer stays"


BROWSER = """\
import sys, urllib.parse, urllib.request
query = urllib.parse.parse_qs(urllib.parse.urlsplit(sys.argv[1]).query)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
opener.open(query["redirect_uri"][0] + "?code=" + query["client_id"][0]).read()
"""


def test_a_login_in_a_browser_gives_the_secret_for_ci(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.drive.user("eve@gmail.com", client="mine")
    folder = desk.drive.folder("eve@gmail.com", shared_drive=False)
    monkeypatch.delenv("GDRIVE_CREDENTIALS_DATA")
    configure(desk.root, f"gdrive://{folder}")
    with pytest.raises(RemoteError, match="OAuth client of your own"):
        remote.login(desk.root)
    configure(desk.root, f"gdrive://{folder}", gdrive_client_id="mine", gdrive_client_secret="client-secret")
    script = desk.root.parent / "browser.py"
    script.write_text(BROWSER)
    monkeypatch.setenv("BROWSER", f"{sys.executable} {script} %s &")
    file = desk.root.parent / "home/.cache/pydrive2fs/mine/default.json"
    assert str(file) in remote.login(desk.root)
    assert "pushed" in publish.push(desk.root), "the login is enough on this machine"

    text, before = file.read_text(), files(desk.root)
    file.unlink()
    forget(desk.root)
    desk.use(text, folder)
    fetch.pull(desk.root)
    assert files(desk.root) == before
