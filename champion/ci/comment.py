"""The comment of a run: gathered from the files that the steps left, rendered, put on the pull request.

A fork's code runs without a secret and with a token that can only read. What its run left is untrusted input, read strictly
and rendered by the base repository's code: it decides nothing but numbers and names, which the renderer escapes. Which pull
request it is about is decided by the run's head commit.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from champion.ci import runs
from champion.ci.champion import DVC_FILES, decides_for_dvc, of_the_package, recorded_scores
from champion.ci.environment import Environment, hidden, secrets_of
from champion.ci.repository import PAGE, GitHubError, git, is_trusted, pages
from champion.datastore import dvc
from champion.errors import ProjectError
from champion.reporting.comment import (
    REDIRECTED,
    Change,
    CommentInput,
    ComparedChampion,
    Findings,
    UseCaseResult,
    render_comment,
)
from champion.scratch import scratch
from champion.workspace import process
from champion.workspace.files import write_text
from champion.workspace.workspace import Workspace, use_cases

STORY, COMMENT = "comment.json", "comment.md"
WATERMARK = "champion"  # by which CML finds its own former comment, and updates it in place
LOOKED_AT = 30  # of a pull request's comments, by CML
TIME_LIMIT = 300.0  # seconds
REMEDIES = {  # by the words of GitHub and of Node.js
    "Resource not accessible by integration": "Give the job `pull-requests: write`; the organisation may forbid it. A run "
    "from a fork, or of Dependabot, never has it: comment-on-fork.yml comments there.",
    "Bad credentials": "REPO_TOKEN is wrong or has expired: give the step the job's own token, and run the job again.",
    "Not Found": "Compare PR_NUMBER and GITHUB_REPOSITORY; what a token may not see is not found either.",
    "certificate": "Name the file of the server's certificate authority in NODE_EXTRA_CA_CERTS.",
    "failed, reason": "The runner has to reach the server by https; where only a proxy does, name it in HTTPS_PROXY.",
}
OTHER_REMEDY = "Run the job again; `python run.py ci post` on a machine says the same."
GITHUB = "https://github.com"
MOST_BYTES = 8_000_000  # of a fork's artifact
PAGES = 10  # of a hundred open pull requests
FILE_PAGES = 30  # of a hundred files of one pull request; GitHub lists no more


def write_comment(root: Path, env: Environment) -> str:
    """Write ``reports/comment.json`` and ``reports/comment.md``, and append the comment to the job's summary.

    It is the last step whatever happened before, so it makes do with what there is.
    """
    story = gather(root, env)
    comment = render_comment(story, env.run_link)
    write_text(root / "reports" / STORY, story.as_json())
    write_text(root / "reports" / COMMENT, comment)
    env.append("GITHUB_STEP_SUMMARY", comment)
    return comment


def gather(root: Path, env: Environment) -> CommentInput:
    """Everything that the steps before left to tell."""
    known = runs.load(root)
    changes, unknown = _changes(root, known.base) if known.base and env["BASE_SHA"] else ([], None)
    workspaces = [] if known.refusal else use_cases(root)
    return CommentInput(
        commit=env["HEAD_SHA"] or git(root, "rev-parse", "HEAD"),
        base=known.base,
        refusal=known.refusal and known.refusal[:2000],
        redirected=_counted(known.redirected),
        changes=changes,
        changes_unknown=unknown,
        compared=bool(env["BASE_SHA"]),
        results=[result for workspace in workspaces if (result := _result(workspace, known))],
    )


def _result(workspace: Workspace, known: runs.CiState) -> UseCaseResult | None:
    """What happened to one use case; None where it did not run."""
    name = workspace.use_case.name
    ran = runs.read(workspace.reports / runs.STATE, runs.Ran)
    if ran is None:
        return None
    champion = known.champions.get(name, ComparedChampion(source="none"))
    findings = None if ran.failure else runs.read(workspace.reports / "evaluation.json", Findings)
    if findings and champion.source == "server" and findings.outcome.action.startswith("would"):
        champion = of_the_package(workspace, champion, server=True)
        champion = champion.model_copy(update={"why": behind(champion, known.pointers.get(name))})
    return UseCaseResult(use_case=name, champion=champion, findings=findings, failure=ran.failure)


def behind(champion: ComparedChampion, pointer: str | None) -> str:
    """That the pointer does not name the server's champion, as after a promotion that had no git; else nothing."""
    named = None if pointer is None else recorded_scores(pointer).model_version
    if named == champion.model_version:
        return ""
    what = "There is no pointer" if pointer is None else f"The pointer names version {named}"
    return (
        f"The champion is the server's, version {champion.model_version}. {what}: it is behind, and the next run on the main "
        "branch records the champion in it."
    )


def _changes(root: Path, base: str) -> tuple[list[Change], str | None]:
    """The parameters that differ from the base, as ``dvc params diff`` has them; or why they are not known."""
    done = dvc.run(root, "params", "diff", "--json", base)
    start = done.output.find("{")
    if not done.ok or start < 0:
        return [], done.last_line[:300] if not done.ok else None
    try:
        files, _ = json.JSONDecoder().raw_decode(done.output[start:])
    except ValueError:
        return [], "dvc params diff did not answer in JSON"
    changes = [
        Change(file=file[:300], name=name[:300], before=values.get("old"), after=values.get("new"))
        for file, names in files.items()
        for name, values in names.items()
    ]
    return changes[:2000], None


def post(root: Path, env: Environment) -> str:
    """Put ``reports/comment.md`` on the pull request that `PR_NUMBER` names."""
    return _post_on(root, env, int(env.need("PR_NUMBER", "the pull request to comment on")))


def _post_on(root: Path, env: Environment, number: int) -> str:
    """Call CML with `REPO_TOKEN`; `CML` names the program where it has another name.

    Raises ProjectError when there is no comment, no `cml`, or it fails.
    """
    token = env.need("REPO_TOKEN", "cml comments with it")
    comment = root / "reports" / COMMENT
    if not comment.is_file():
        raise ProjectError(f"There is no reports/{COMMENT}. Run `make ci-comment` first.")
    name = env["CML"] or "cml"
    program = shutil.which(name)
    if program is None:
        raise ProjectError(
            f"There is no program {name!r}. docs/github.md says how to install CML; CML names another one."
        )
    server, repository = env["GITHUB_SERVER_URL"], env.need("GITHUB_REPOSITORY", "it names OWNER/NAME on GitHub")
    where = [f"--repo={server or GITHUB}/{repository}"]
    if server not in ("", GITHUB):  # on github.com CML finds it out by itself
        where.append("--driver=github")
    options = [f"--target=pr/{number}", "--publish=false", f"--watermark-title={WATERMARK}", *where, str(comment)]
    with scratch() as home:  # it writes to the global git configuration
        variables = {**os.environ, "HOME": str(home), "REPO_TOKEN": token, "ITERATIVE_DO_NOT_TRACK": "1"}
        try:
            done = process.run(
                [program, "comment", _subcommand(env, number), *options],
                root,
                environment=variables,
                seconds=TIME_LIMIT,
            )
        except (OSError, process.NotEndedError) as error:
            raise ProjectError(f"cml did not run: {error}.") from None
    if done.code:
        said = hidden(_error_of(done.errors or done.output), secrets_of(variables))[:800].strip().rstrip(".")
        remedy = next((remedy for words, remedy in REMEDIES.items() if words in said), OTHER_REMEDY)
        raise ProjectError(f"cml could not comment on pull request {number}: {said or 'it said nothing'}. {remedy}")
    return f"Commented on pull request {number}. {done.output.strip()}"


def _subcommand(env: Environment, number: int) -> str:
    """`update`, or `create` where CML would write over a stranger's comment, who could then change what stands in it.

    CML takes the newest comment that bears its watermark, whoever wrote it.
    """
    try:
        listed = next(pages(env, f"issues/{number}/comments?", 1))[:LOOKED_AT]
    except GitHubError:
        return "update"  # CML asks the same, and says why it fails with its remedy
    marked = [each for each in listed if f'"CML watermark {WATERMARK}"' in str(each.get("body"))]
    return "update" if not marked or is_trusted(marked[-1]) else "create"


def _error_of(output: str) -> str:
    """The sentence in what CML says when it fails: a line of JSON with all that it knows, or the end of its own help."""
    lines = [line for line in output.splitlines() if line.strip()]
    for line in reversed(lines):
        try:
            return str(json.loads(line)["message"])
        except (ValueError, TypeError, KeyError):
            continue
    return lines[-1] if lines else ""


def comment_on_fork(root: Path, env: Environment) -> str:
    """Validate a fork's artifact, find its pull request, comment.

    `ARTIFACT` is the folder that the artifact was unpacked into, `HEAD_SHA` and `HEAD_REPOSITORY` are the run's. Raises
    ProjectError when the artifact is not what a run leaves.
    """
    head = env.need("HEAD_SHA", "the commit of the run that left the artifact")
    path = Path(env.need("ARTIFACT", "the folder that the artifact was unpacked into")) / STORY
    if not path.exists():
        return "The run left no comment; nothing was posted."
    numbers = pull_requests(env, head)
    if not numbers:
        return f"No open pull request has the head commit {head[:12]}; nothing was posted."
    story = _read_story(path).model_copy(update={"commit": head})
    said = []
    for number in numbers:
        story = story.model_copy(update={"redirected": _redirected(env, number)})
        try:
            comment = render_comment(story, env.run_link, stranger=True)
        except Exception as error:  # whatever numbers that contradict each other make the renderer raise
            raise ProjectError(
                f"{STORY} of the artifact contradicts itself ({type(error).__name__}); nothing was posted."
            ) from None
        write_text(root / "reports" / COMMENT, comment)
        said.append(_post_on(root, env, number))
    return " ".join(said)


def _redirected(env: Environment, number: int) -> list[str]:
    """The files of a pull request that decide what DVC fetches; GitHub says so, since the pull request's own code may lie."""
    listed = [file for page in pages(env, f"pulls/{number}/files?", FILE_PAGES) for file in page]
    names = {str(name) for file in listed for name in (file["filename"], file.get("previous_filename", ""))}
    dvcs = {name for name in names if name.startswith("models/") or name.endswith(DVC_FILES) or decides_for_dvc(name)}
    unseen = (
        [f"files behind the first {len(listed)}"] if len(listed) == FILE_PAGES * PAGE else []
    )  # GitHub's list ends there
    return _counted([*unseen, *sorted(dvcs)])


def _counted(names: list[str]) -> list[str]:
    """As many names as a comment has room for, and how many more there are."""
    first, more = names[: REDIRECTED - 1], len(names) - REDIRECTED + 1
    return [name[:300] for name in names] if more <= 1 else [*(name[:300] for name in first), f"and {more} more files"]


def _read_story(path: Path) -> CommentInput:
    """The one file of an artifact that is looked at; nobody trusts it."""
    if path.is_symlink() or not path.is_file():
        raise ProjectError(f"The artifact has no file {STORY}; nothing was posted.")
    if path.stat().st_size > MOST_BYTES:
        raise ProjectError(f"{STORY} of the artifact is larger than {MOST_BYTES} bytes; nothing was posted.")
    try:
        return CommentInput.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ProjectError(
            f"{STORY} of the artifact is not what a run leaves ({error.error_count()} errors); nothing was posted."
        ) from None


def pull_requests(env: Environment, head: str) -> list[int]:
    """The open pull requests whose head commit is the run's, whatever the artifact says."""
    source = env["HEAD_REPOSITORY"]

    def is_ours(pull: dict[str, Any]) -> bool:
        theirs = (pull["head"].get("repo") or {}).get("full_name")  # none where the fork was deleted
        base = pull["base"]["repo"]["full_name"]
        return pull["head"]["sha"] == head and base == env["GITHUB_REPOSITORY"] and source in ("", theirs)

    return [pull["number"] for page in pages(env, "pulls?state=open", PAGES) for pull in page if is_ours(pull)]
