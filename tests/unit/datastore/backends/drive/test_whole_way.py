"""The whole way of a team: train, push, clone, pull; as commands, with their exit codes and what they print."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from champion.datastore import fetch, publish, remote
from champion.datastore.backends.base import RemoteError
from tests.conftest import Checkout, iris_csv, tree
from tests.support.doubles.drive import GoogleDrive
from tests.unit.datastore.conftest import Desk, configure, equip, files, forget


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
        assert "pushed" in pushed[-1].stdout
        assert checkout.git("status", "--porcelain", "models")[3:] == "models/iris.dvc\n"
        checkout.git("add", "--all")
        checkout.git("commit", "--quiet", "--message", f"champion {version}")
    assert "data/own.csv is recorded" in pushed[0].stderr

    clone = Checkout(tmp_path / "clone", tmp_path / "another_home", dict(checkout.env))
    clone.home.mkdir()
    checkout.git("clone", "--quiet", str(checkout.root), str(clone.root))
    equip(clone.root, client)
    pulled = clone.run("data", "pull", "models/iris.dvc")
    for name in ("manifest.json", "model.skops", "profile.json", "MODEL_CARD.md"):
        assert (clone.root / "models/iris" / name).read_bytes() == (checkout.root / "models/iris" / name).read_bytes()
    trained = clone.train()
    assert any("data/own.csv came from the DVC remote" in note for note in trained["notes"] + trained["warnings"])
    assert (clone.root / "data/own.csv").read_bytes() == table.read_bytes()
    assert clone.json("rollback")["champion"] == 1, "the former package came from Drive by git's pointer"

    doctor = clone.run("doctor", expect=None).stdout
    assert f"reached as the service account {account['client_email']}" in doctor
    texts = "".join(done.stderr + done.stdout for done in (*pushed, pulled))
    assert "FutureWarning" not in texts
    configs = [*(checkout.root / ".dvc").glob("config*"), *(clone.root / ".dvc").glob("config*")]
    assert "PRIVATE KEY" not in texts + doctor + "".join(path.read_text() for path in configs)
    assert drive.count("PUT www.googleapis.com/upload") >= 8

    clone.env["GDRIVE_CREDENTIALS_DATA"] = ""
    shutil.rmtree(clone.root / ".dvc/cache")
    cause, remedy = clone.run("data", "pull", expect=1).stderr.strip().splitlines()
    assert cause.startswith("Error: There are no credentials for Drive")
    assert "Without Drive, training, judging, predicting and rolling back go on" in remedy
    doctor = clone.run("doctor", expect=1).stdout
    assert "FAIL  remote: There are no credentials for Drive" in doctor
    assert "Without Drive, training" in doctor


BROWSER = """\
import sys, urllib.parse, urllib.request
query = urllib.parse.parse_qs(urllib.parse.urlsplit(sys.argv[1]).query)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
opener.open(query["redirect_uri"][0] + "?code=" + query["client_id"][0]).read()
"""


def test_a_login_in_a_browser_gives_the_secret_for_ci(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    account = desk.drive.user("eve@gmail.com", client="mine")
    folder = desk.drive.folder("eve@gmail.com", shared_drive=False)
    desk.drive.codes["mine"] = account["refresh_token"]
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
