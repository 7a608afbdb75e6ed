"""The training pipeline: prepare, train_candidate (one per candidate), evaluate, promote, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zenml import pipeline
from zenml.enums import ExecutionMode

from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation
from champion.comparison.provenance import Outcome, Provenance
from champion.modeling.profile import Profile
from champion.modeling.split import SplitRule
from champion.orchestration import code
from champion.orchestration.runs import output
from champion.orchestration.stacks import support_of
from champion.orchestration.store import described
from champion.registry import versions as champions
from champion.registry.promotion import Terms
from champion.registry.reconcile import reconcile, write_champion
from champion.registry.versions import VersionHistory
from champion.use_case.whole import UseCase
from champion.workspace.git import commit
from champion.workspace.workspace import Workspace, require_writable
from pipelines.dataset import Dataset, register
from pipelines.launch import launched
from pipelines.outputs import collect
from steps.evaluate import evaluate
from steps.prepare import prepare
from steps.promote import promote
from steps.report import report
from steps.train_candidate import train_candidate

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import PipelineRunResponse

    from pipelines.early_table import EarlyTable


@dataclass(frozen=True)
class Options:
    """What `run.py train` was asked."""

    cache: bool = True
    promote: bool = True
    readmit: bool = False


@dataclass(frozen=True)
class Trained:
    """What a training run found and did."""

    evaluation: Evaluation
    decision: Decision
    outcome: Outcome
    facts: Provenance
    profile: Profile
    notes: tuple[str, ...]
    store: str
    stack: str


def _environment(module: str, use_case: UseCase) -> dict[str, str]:
    """What ZenML leaves out of a step's cache key: the code it reaches, and the libraries that matter."""
    estimators = tuple(candidate.estimator for candidate in use_case.candidates.values())
    return {"STEP_VERSION": code.step_version(module, estimators if module != "steps.prepare" else ())}


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def training(
    table: Any, use_case: UseCase, rule: SplitRule, champion: Any, facts: Provenance, terms: Terms, rows: int
) -> None:
    """Train, judge, promote, report; the table and the champion's package are artifacts of the store."""
    data = use_case.data.model_copy(update={"path": ""})
    train_set, holdout, profile, plan = prepare.with_options(environment=_environment("steps.prepare", use_case))(
        table=table, data=data, rule=rule
    )
    fit = train_candidate.with_options(environment=_environment("steps.train_candidate", use_case))
    candidates = [
        fit(
            train_set=train_set, plan=plan, name=name, candidate=candidate, fitting=use_case.fitting(),
            id=f"train_{name}",
        )
        for name, candidate in use_case.candidates.items()
    ]  # fmt: skip
    evaluation, challenger, figures = evaluate.with_options(environment=_environment("steps.evaluate", use_case))(
        holdout=holdout,
        plan=plan,
        profile=profile,
        candidates=candidates,
        rules=use_case.comparison_rules(),
        champion=champion,
    )
    decision, outcome = promote(
        evaluation=evaluation, challenger=challenger, plan=plan, profile=profile, facts=facts, terms=terms, rows=rows
    )
    report(evaluation=evaluation, decision=decision, profile=profile, facts=facts, outcome=outcome, figures=figures)


def train(
    client: Client,
    workspace: Workspace,
    options: Options,
    tell: Callable[[str, str], None],
    early: EarlyTable | None = None,
) -> Trained:
    """Run the training pipeline for a use case, and leave package and reports in the workspace.

    Raises ProjectError when something is the user's to mend.

    Parameters
    ----------
    options : Options
        As asked on the command line.
    tell : callable
        Called with a step's name and what it did.
    early : EarlyTable, optional
        The table, as another process reads it meanwhile.
    """
    require_writable(workspace)
    reconciled = reconcile(client, workspace)
    history = reconciled.version_history
    recorded = history.champion.record.split if history.champion else None
    dataset = register(client, workspace, recorded, again=not options.cache, early=early)
    with code.made_with(support_of(client).libraries()):
        facts = _facts(client, workspace, dataset)
        run = _launch(client, workspace.use_case, dataset, history, facts, options, tell)
    evaluation: Evaluation = output(run, "evaluate", "evaluation")
    decision: Decision = output(run, "promote", "decision")
    outcome: Outcome = output(run, "promote", "outcome")
    page, summary = output(run, "report", "report"), output(run, "report", "summary")
    collect(workspace, evaluation, decision, facts, outcome, str(page), str(summary))
    if outcome.action == "promoted":
        write_champion(client, workspace)
    notes = tuple(text for text in (reconciled.done, *dataset.warnings) if text)
    return Trained(
        evaluation, decision, outcome, facts, output(run, "prepare", "profile"), notes,
        described(client), client.active_stack_model.name,
    )  # fmt: skip


def _facts(client: Client, workspace: Workspace, dataset: Dataset) -> Provenance:
    use_case = workspace.use_case
    head, dirty = commit(workspace.root)
    estimators = tuple(candidate.estimator for candidate in use_case.candidates.values())
    made_of: dict[str, object] = {
        "data_version": dataset.version,
        "data": use_case.data.model_dump(mode="json", exclude={"path"}),
        "split": dataset.rule.model_dump(mode="json"),
        "candidates": [[name, found.model_dump(mode="json")] for name, found in use_case.candidates.items()],
        "fitting": use_case.fitting().model_dump(mode="json"),
    }
    fingerprint, libraries = code.fingerprint(made_of, estimators)
    return Provenance(
        use_case=use_case.name, data_path=use_case.data.path, data_version=dataset.version, commit=head,
        dirty=dirty, fingerprint=fingerprint, seed=use_case.training.seed, split=dataset.rule.in_words(),
        libraries=libraries, stack=client.active_stack_model.name, created=champions.now(),
    )  # fmt: skip


def _launch(
    client: Client,
    use_case: UseCase,
    dataset: Dataset,
    history: VersionHistory,
    facts: Provenance,
    options: Options,
    tell: Callable[[str, str], None],
) -> PipelineRunResponse:
    champion = history.champion
    terms = Terms(
        policy=use_case.promotion,
        promote=options.promote,
        readmit=options.readmit,
        champion=str(champion.id) if champion else None,
        revision=history.revision,
    )
    inputs = {
        "table": dataset.artifact,
        "use_case": use_case,
        "rule": dataset.rule,
        "champion": champions.stored_package(client, champion) if champion else None,
        "facts": facts,
        "terms": terms,
        "rows": dataset.rows,
    }
    return launched(client, use_case, training, inputs, tell, cache=options.cache)
