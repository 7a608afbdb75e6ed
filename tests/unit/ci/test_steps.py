"""The steps of the workflows in real clones: a remote, a branch, a champion that travels as package and pointer."""

import json
import sys
from pathlib import Path

import pytest

from champion import settings
from champion.ci.champion import image_names
from champion.ci.environment import Environment
from champion.ci.runs import run_logged
from champion.workspace.workspace import use_cases
from tests.conftest import iris_csv, tree
from tests.support.doubles.github import API, REPOSITORY, GitHub
from tests.unit.ci.conftest import MAIN, Server


def test_a_promotion_is_recorded_by_the_bot_in_a_commit_that_changes_the_pointer_alone(
    built: tuple[Server, str],
) -> None:
    server, said = built
    assert "Pushed to main: Champion of iris: version 1, accuracy 0.6" in said
    shown = server.git("show", "--format=%an %s", "--name-only", "main").split()
    assert (shown[0], shown[-1]) == ("github-actions[bot]", "models/iris.dvc")
    assert shown[-3:-1] == ["[skip", "ci]"], "the commit changes nothing else, and starts no further run"
    assert server.model_version() == 1


def test_a_pull_request_is_judged_against_the_champion_of_its_base(server: Server, tmp_path: Path) -> None:
    runner, base = server.pull_request()
    summary = tmp_path / "summary"
    assert "champion version 1 (package)" in runner.ci("champion", BASE_SHA=base)
    runner.ci("train", BASE_SHA=base)
    said = runner.ci("comment", BASE_SHA=base, GITHUB_STEP_SUMMARY=str(summary))
    assert "## iris: the challenger would become the champion\n" in said
    told = ("| `candidates.tree.params.max_depth` | `1` | `2` |", "champion v1", "the same as the champion's")
    assert [words for words in told if words not in said] == []
    assert summary.read_text() == runner.report("comment.md")
    assert (runner.root / "reports/iris/report.html").is_file()
    assert runner.git("status", "--porcelain") == "", "a pull request's run changes no tracked file"
    assert server.model_version() == 1


def test_without_a_remote_the_sample_is_remade_the_pointers_scores_stand_in_and_nothing_is_promoted(
    server: Server, tmp_path: Path
) -> None:
    runner, base = server.pull_request()
    runner.dvc("remote", "remove", "store")
    (runner.root / "data/iris.csv").unlink()
    assert "version 1 (pointer)" in runner.ci("champion", BASE_SHA=base)
    assert (runner.root / "data/iris.csv").read_bytes() == iris_csv()
    assert not (runner.root / "models/iris").exists()
    assert "Nothing is promoted" in runner.ci("promote", GITHUB_OUTPUT=str(tmp_path / "output"))
    assert (tmp_path / "output").read_text() == "record=false\n"
    assert json.loads(runner.report("iris/decision.json"))["ground"] == "champion_unreachable"
    written = runner.ci("comment", BASE_SHA=base)
    assert "## iris: the challenger scores higher than the champion did\n" in written
    assert "The champion (version 1) was not asked: there is no DVC remote here" in written


def test_a_pull_request_that_names_a_champion_under_any_name_is_refused_with_the_reason_also_behind_a_merge(
    server: Server,
) -> None:
    runner, base = server.pull_request()
    named = "outs: [{md5: d41d8cd98f00b204e9800998ecf8427e, path: %s}]\n"
    for name, text in {
        "models/iris.dvc": "outs: []\n",
        "models/iris/manifest.json": "{}\n",
        "data/rows.dvc": f"wdir: ../configs\n{named % '../models/iris'}",
        "stages/dvc.yaml": "stages: {make: {cmd: make, wdir: .., outs: [models/other]}}\n",
    }.items():
        runner.git("checkout", "--quiet", "-B", "side", "better")
        (runner.root / name).parent.mkdir(exist_ok=True)
        (runner.root / name).write_text(text)
        runner.git("add", "--force", name)
        runner.commit_all("my model, please")
        runner.git("merge", "--quiet", "--no-edit", "--no-ff", base)
        said = runner.ci("champion", expect=3, BASE_SHA=base, PR_AUTHOR="github-actions[bot]")
        assert f"This pull request changes {name}, which names the model in production" in said
    written = runner.ci("comment", BASE_SHA=base)
    assert written.startswith("## Nothing was trained\n\nThis pull request changes stages/dvc.yaml, ")


def test_what_moves_the_remote_is_refused_of_a_fork_and_shown_in_the_comment_of_a_member(server: Server) -> None:
    runner, base = server.pull_request()
    runner.dvc("remote", "modify", "--quiet", "store", "jobs", "2")
    pointer = "outs: [{md5: d41d8cd98f00b204e9800998ecf8427e, path: rows.csv, remote: store}]\n"
    (runner.root / "data/rows.csv.dvc").write_text(pointer)
    (runner.root / ".dvcignore").write_text("none\n")
    runner.commit_all("another remote")
    event = {"BASE_SHA": base, "GITHUB_REPOSITORY": "team/champion"}
    for source in ("stranger/champion", ""):  # the second: the fork is gone
        said = runner.ci("champion", expect=3, **event, HEAD_REPOSITORY=source)
        assert "This pull request from a fork changes .dvc/config, .dvcignore, data/rows.csv.dvc" in said
    runner.ci("champion", **event, HEAD_REPOSITORY="team/champion")
    assert "**This pull request changes `.dvc/config`, `.dvcignore`, `data/rows.csv.dvc`.**" in runner.ci(
        "comment", **event
    )


def test_the_first_parent_of_githubs_merge_commit_is_the_base_and_a_shallow_clone_is_told_what_it_lacks(
    server: Server,
) -> None:
    runner, base = server.pull_request()
    runner.git("checkout", "--quiet", "main")
    newer = runner.other_champion()
    runner.git("merge", "--quiet", "--no-edit", "--no-ff", "better")
    merge = runner.git("rev-parse", "HEAD").strip()
    runner.ci("champion", BASE_SHA=base, GITHUB_REF="refs/pull/7/merge", GITHUB_SHA=merge)
    assert json.loads(runner.report("ci.json"))["base"] == newer
    assert "fetch-depth: 0" in runner.ci("champion", expect=1, BASE_SHA="f" * 40)


def test_a_failing_step_is_named_with_its_last_words_without_secrets_and_fails_the_job_as_a_wrong_use_case_does(
    server: Server,
) -> None:
    runner, base = server.pull_request()
    secret = {"type": "service_account", "private_key": "--BEGIN--\nABCDEFGHIJKL\n", "client_email": "a@b.example"}
    path = runner.root / "steps/train_candidate.py"
    first = "    from champion.modeling.training import"
    leak = 'raise RuntimeError("no luck " + os.environ["GDRIVE_CREDENTIALS_DATA"] + " ABCDEFGHIJKL")'
    path.write_text(path.read_text().replace(first, f"    import os\n    {leak}\n{first}"))
    runner.ci("champion", BASE_SHA=base)
    runner.ci("train", expect=1, BASE_SHA=base, GDRIVE_CREDENTIALS_DATA=json.dumps(secret))
    written = runner.ci("comment", BASE_SHA=base)
    ran = json.loads(runner.report("iris/ci.json"))
    assert (ran["step"], ran["exit_code"]) == ("train_tree", 1)
    assert "## iris: the pipeline failed in train_tree\n" in written
    assert "no luck ***" in written.partition("~~~~text")[2]
    left = "".join(path.read_text() for path in (runner.root / "reports").rglob("*") if path.is_file())
    assert "no luck ***" in runner.report("iris/run.log")
    assert "ABCDEFGHIJKL" not in left

    runner.write_use_case(tree(2, promotion={"metric": "acuracy"}))
    runner.ci("train", expect=2, BASE_SHA=base)
    written = runner.ci("comment", BASE_SHA=base)
    assert written.startswith("## iris: the pipeline failed in the preparation, before the first step\n")
    assert "acuracy" in written


def test_a_command_is_shown_and_kept_while_it_runs_without_colours_and_gets_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says = 'print("\\033[1mbold\\033[0m", *sys.argv[1:], os.environ.get("REPO_TOKEN"), flush=True)'
    (tmp_path / "run.py").write_text(f'import os, sys\n{says}\nsys.exit("Error: no room")\n')
    monkeypatch.setenv("REPO_TOKEN", "a-token-that-may-write")
    assert run_logged(tmp_path, ["train"], tmp_path / "logs/run.log") == (1, ["bold train None", "Error: no room"])
    assert (tmp_path / "logs/run.log").read_text() == "bold train None\nError: no room\n"
    assert capsys.readouterr().out == "python run.py train\nbold train None\nError: no room\n"


def test_a_merge_promotes_on_top_of_what_the_branch_is_by_then_and_a_rollback_undoes_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, _ = server.pull_request()
    runner.git("push", "--quiet", "origin", "better:main")
    merged = server.clone()
    assert "version 2" in server.promoted(merged)
    assert server.model_version() == 2
    assert merged.git("status", "--porcelain") == "", "the clone stands on the pointer's commit"
    assert merged.git("rev-parse", "HEAD") == server.git("rev-parse", "main")
    assert "name the champion already" in merged.ci("pointer", **MAIN), "a second time changes nothing"

    monkeypatch.setattr(settings, "root", lambda: merged.root)
    names = image_names(next(use_cases(merged.root)), 2, Environment({"GITHUB_REPOSITORY": "Owner/Name"}))
    assert names == [f"ghcr.io/owner/name:iris-{tag}" for tag in ("v2", server.git("rev-parse", "main")[:12])]
    assert image_names(next(use_cases(merged.root)), 2, Environment({"IMAGE": "Own/It"}))[0] == "own/it:iris-v2"

    again = server.clone()
    (again.root / "data/iris.csv").unlink()
    again.ci("champion", **MAIN, WITHOUT_DATA="true")
    again.env["ROLLBACK_USE_CASE"] = "iris"
    again.command(sys.executable, "run.py", "ci", "rollback")
    again.run("data", "push")
    assert "version 1" in again.ci("pointer", **MAIN)
    assert server.model_version() == 1

    stale = server.clone()
    stale.git("reset", "--quiet", "--hard", "HEAD~1")
    assert "champion version 1" in stale.ci("champion", **MAIN), "the branch's tip names the champion, not the checkout"


def test_where_the_branch_is_protected_the_pointer_becomes_a_pull_request_and_another_champion_is_not_overwritten(
    server: Server,
) -> None:
    runner = server.clone()
    runner.ci("champion", **MAIN)
    pointer = runner.root / "models/iris.dvc"
    pointer.write_text(pointer.read_text().replace("model_version: 1", "model_version: 2"))
    hook = server.folder / "origin.git/hooks/update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ] || { echo "protected branch" >&2; exit 1; }\n')
    hook.chmod(0o755)
    with GitHub(tokens={"writer": True}) as github:
        variables = {"GITHUB_API_URL": github.url + API, "GITHUB_REPOSITORY": REPOSITORY, "REPO_TOKEN": "writer"}
        said = runner.ci("pointer", **MAIN, **variables)
    assert "main is protected: pull request 1 has the pointer" in said
    head = github.pulls[1]["head"]["ref"]
    assert server.git("diff", "--name-only", f"main...{head}").split() == ["models/iris.dvc"]
    assert "[skip ci]" not in server.git("show", "--format=%B", "--no-patch", head), "required checks must run on it"
    assert "waits in a pull request" in runner.ci("image")

    judged = server.clone(head)
    base = server.git("rev-parse", "main").strip()
    event = {"BASE_SHA": base, "PR_AUTHOR": "github-actions[bot]", "HEAD_REF": head}
    judged.ci("champion", **event)
    champion = json.loads(judged.report("ci.json"))["standings"]["iris"]
    assert champion["model_version"] == 1, "the base's champion, although the pull request names another"
    for wrong in ({"PR_AUTHOR": "somebody"}, {"HEAD_REF": f"champion/{base}"}, {"HEAD_REF": "champion/" + "0" * 40}):
        assert "changes models/iris.dvc" in judged.ci("champion", expect=3, **{**event, **wrong})
    judged.git("commit", "--quiet", "--allow-empty", "--message", "nothing more, on top of the bot's commit")
    judged.ci("champion", **event)
    pointer = judged.root / "models/iris.dvc"
    pointer.write_text(
        judged.git("show", f"{head[9:]}:models/iris.dvc").replace("model_version: 2", "model_version: 3")
    )
    judged.git("config", "user.name", "github-actions[bot]")
    judged.commit_all("another model, on top of the bot's commit")
    assert "changes models/iris.dvc" in judged.ci("champion", expect=3, **event)

    other = server.clone()
    other.other_champion()
    hook.unlink()
    other.git("push", "--quiet", "origin", "HEAD:main")
    assert "changed on the branch while this run was under way" in runner.ci("pointer", expect=1, **MAIN)
