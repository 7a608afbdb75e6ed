"""The training pipeline: prepare, train_candidate (one per candidate), evaluate, promote, report."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from zenml import pipeline
from zenml.enums import ExecutionMode

from champion.bundle.libraries import moved, ways_on
from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation, Outcome, Provenance
from champion.errors import ConfigurationError
from champion.modeling.own.code import OwnCode, using
from champion.modeling.split import SplitRule
from champion.orchestration import code
from champion.orchestration.runs import output
from champion.orchestration.stack_support import StackSupport
from champion.orchestration.stacks import support_for
from champion.registry import versions as champions
from champion.registry.own_code import trusted_code
from champion.registry.promotion import Terms, Unreachable
from champion.registry.reconcile import Reconciled, UnreachableError, reconcile, who, write_champion
from champion.use_case.whole import UseCase
from champion.workspace.git import commit
from champion.workspace.own_code import read_own_code
from champion.workspace.workspace import Workspace, require_writable
from pipelines import flow
from pipelines.dataset import Dataset, EarlyTable, register
from pipelines.launch import TellStep, launched, version_of
from pipelines.outputs import collect
from pipelines.own_code import imported_paths, stored_code
from steps.evaluate import evaluate
from steps.prepare import prepare
from steps.train_candidate import train_candidate

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import PipelineRunResponse

    from champion.datastore.index import Pointer


@dataclass(frozen=True)
class Options:
    """What `run.py train` was asked."""

    cache: bool = True
    promote: bool = True
    readmit: bool = False
    offline: bool = False
    trust_code: bool = False
    detach: bool = False


class Detached(Exception):  # noqa: N818 - it is no error
    """A run, by its name, that goes on without this process, as it was asked to."""


class Trained(NamedTuple):
    """What a training run found and did, and what the user should know besides."""

    evaluation: Evaluation
    decision: Decision
    outcome: Outcome
    facts: Provenance
    notes: list[str]


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def training(
    table: Any,
    use_case: UseCase,
    rule: SplitRule,
    champion: Any,
    facts: Provenance,
    terms: Terms,
    rows: int,
    code: Any,
    versions: dict[str, str],
    trusted_code: tuple[str, ...],
) -> None:
    """Train, judge, promote, report; the table, the champion's package and own code are artifacts of the store.

    `versions` are what the cache keys of steps have besides, by step.
    """

    def made(step: Any, _: str) -> Any:
        return flow.versioned(step, versions)

    flow.training(made, table, use_case, rule, champion, facts, terms, rows, code, trusted_code)


def train(
    client: Client, workspace: Workspace, options: Options, tell: TellStep, early: EarlyTable | None = None
) -> Trained:
    """Run the training pipeline for a use case, and leave package and reports in the workspace.

    Raises ProjectError when something is the user's to mend.
    """
    require_writable(workspace)
    given = looked_up(client, workspace, options, early)
    return judged(client, workspace, given.dataset, options, tell, given.reconciled, given.unreachable, given.own)


class Given(NamedTuple):
    """What a training run begins with."""

    dataset: Dataset
    reconciled: Reconciled | None
    unreachable: Pointer | None
    own: OwnCode | None


def looked_up(client: Client, workspace: Workspace, options: Options, early: EarlyTable | None = None) -> Given:
    """Make pointer, store and package agree, and register the table."""
    reconciled, unreachable, champion = None, None, None
    try:
        reconciled = reconcile(client, workspace)
        champion = reconciled.version_history.champion
    except UnreachableError as error:
        if not options.offline:
            raise
        unreachable = error.pointer
    package, own = reconciled.package if reconciled else None, read_own_code(workspace)
    signature = package.manifest.signature if package else ()
    recorded = champion.record.split if champion else None
    with using(own):
        dataset = register(client, workspace, recorded, not options.cache, early, signature)
    return Given(dataset, reconciled, unreachable, own)


class Prepared(NamedTuple):
    """A training run before it is launched."""

    stack: StackSupport
    inputs: dict[str, Any]
    facts: Provenance
    notes: list[str]


def judged(
    client: Client,
    workspace: Workspace,
    dataset: Dataset,
    options: Options,
    tell: TellStep,
    reconciled: Reconciled | None,
    unreachable: Pointer | None = None,
    own: OwnCode | None = None,
) -> Trained:
    """Train the candidates of a use case on a registered table, judge, and carry out the decision.

    Without anything `reconciled` the champion is out of reach, and a pointer names it. `own` is the code of the candidates.
    Raises Detached where the run goes on without us, as the options ask for.
    """
    use_case = workspace.use_case
    ready = prepared(client, workspace, dataset, options, reconciled, unreachable, own)
    form, inputs = training, ready.inputs
    if ready.stack.runs_pipelines:
        from pipelines import in_pods

        form, inputs = in_pods.training, in_pods.inputs(inputs, ready.stack.step_settings(use_case, use_case.steps()))
    elif options.detach:
        raise ConfigurationError(
            f"Steps of the stack {client.active_stack_model.name!r} end with this command, so nothing would go on. Leave "
            "out --detach, or name a stack that runs pipelines itself: --stack kubernetes."
        )
    with code.made_with(ready.stack.libraries()):
        run = launched(
            client, ready.stack, use_case, form, inputs, tell, cache=options.cache, followed=not options.detach
        )
    if options.detach:
        raise Detached(run.name)
    done = ended(client, workspace, run)
    notes = [*ready.notes, *dataset.warnings]
    if done.outcome.action == "promoted":
        notes = [note for note in notes if reconciled and note != reconciled.out_of_step]
    notes += done.notes
    if reconciled is not None:
        notes += _of_libraries(reconciled, ready.stack.libraries(), done.evaluation, workspace)
    return done._replace(notes=notes)


def prepared(
    client: Client,
    workspace: Workspace,
    dataset: Dataset,
    options: Options,
    reconciled: Reconciled | None,
    unreachable: Pointer | None = None,
    own: OwnCode | None = None,
) -> Prepared:
    """What a training run of a use case is given, on a registered table; arguments as those of `judged`."""
    use_case, notes = workspace.use_case, list[str]()
    trusted = trusted_code(client, workspace, reconciled.package if reconciled else None, options.trust_code)
    if reconciled is None:
        history, champion = champions.version_history(client, use_case.name), None
    else:
        history, champion = reconciled.version_history, reconciled.version_history.champion
        notes += [*reconciled.done, *([reconciled.out_of_step] if reconciled.out_of_step else [])]
    terms = Terms(
        policy=use_case.promotion,
        promote=options.promote and unreachable is None,
        readmit=options.readmit,
        champion=str(history.champion.id) if history.champion else None,
        revision=history.revision,
        by=who(client, workspace),
        unreachable=unreachable and Unreachable(number=unreachable.number, metrics=unreachable.metrics),
    )
    stack = support_for(client, use_case, own, reconciled.package if reconciled else None)
    with code.made_with(stack.libraries()):
        facts = facts_of(client, workspace, dataset, own)
        inputs = {
            "table": dataset.artifact,
            "use_case": use_case,
            "rule": dataset.rule,
            "champion": champions.stored_package(client, champion) if champion else None,
            "facts": facts,
            "terms": terms,
            "rows": dataset.rows,
            "code": stored_code(client, workspace, own),
            "versions": _versions(_estimators(use_case, own)),
            "trusted_code": trusted,
        }
    return Prepared(stack, inputs, facts, notes)


def ended(client: Client, workspace: Workspace, run: PipelineRunResponse) -> Trained:
    """What a training run that has ended well found, with its reports, and a package that it promoted, in the workspace."""
    made = run.steps  # asked for once: each time is a query
    evaluation: Evaluation = output(made, "evaluate", "evaluation")
    decision: Decision = output(made, "promote", "decision")
    outcome: Outcome = output(made, "promote", "outcome")
    facts = Provenance.model_validate(made["promote"].config.parameters["facts"])
    page, summary = output(made, "report", "report"), output(made, "report", "summary")
    collect(workspace, evaluation, decision, facts, outcome, str(page), str(summary))
    written = write_champion(client, workspace) if outcome.action == "promoted" else None
    return Trained(evaluation, decision, outcome, facts, [written] if written else [])


def _of_libraries(
    reconciled: Reconciled, image: dict[str, str], evaluation: Evaluation, workspace: Workspace
) -> list[str]:
    """What is to be said of a champion that was made with other libraries than those of the run, in an image or here."""
    champion, package = reconciled.version_history.champion, reconciled.package
    if champion is None or package is None or (changed := moved(package.manifest.libraries, image)) is None:
        return []
    config = shlex.quote(workspace.shown_config)
    refit = config if champion.answers_id else None
    if changed in (evaluation.champion_unjudged or ""):
        return [ways_on(package.manifest.libraries, f"train --config {config}", refit)]
    note = f"Model version {champion.number} was made with {changed}. That alone is no fault."
    return [f"{note} `python run.py refit --config {refit}` makes it anew." if refit else note]


def facts_of(client: Client, workspace: Workspace, dataset: Dataset, own: OwnCode | None = None) -> Provenance:
    """What would make a challenger of a use case on a registered table, with `own` code."""
    use_case = workspace.use_case
    made_of: dict[str, object] = {
        "data_version": dataset.version,
        "data": use_case.data.model_dump(mode="json", exclude={"path"}),
        "split": dataset.rule.model_dump(mode="json"),
        "candidates": [[name, each.model_dump(mode="json")] for name, each in use_case.candidates.items()],
        "fitting": use_case.fitting().model_dump(mode="json"),
        **({"code": own.hash} if own else {}),
    }
    fingerprint, libraries = code.fingerprint(made_of, _estimators(use_case, own))
    head, dirty = commit(workspace.root)
    return Provenance(
        use_case=use_case.name,
        data_path=use_case.data.path,
        data_version=dataset.version,
        drop=use_case.data.drop,
        kinds=use_case.data.kinds,
        read=use_case.data.read,
        unlabelled=use_case.data.unlabelled,
        max_bad_cells=use_case.data.max_bad_cells,
        features=use_case.features,
        code=own and own.hash,
        commit=head,
        dirty=dirty,
        fingerprint=fingerprint,
        seed=use_case.training.seed,
        split=dataset.rule.in_words(),
        libraries=libraries,
        stack=client.active_stack_model.name,
        created=champions.now(),
    )


def _versions(libraries: tuple[str, ...]) -> dict[str, str]:
    """What the cache keys of steps have besides; `libraries` are import paths in what estimators and own code come from."""
    return {
        "prepare": version_of(prepare),
        "train_candidate": version_of(train_candidate, *libraries),
        "evaluate": version_of(evaluate, *libraries),
    }


def _estimators(use_case: UseCase, own: OwnCode | None) -> tuple[str, ...]:
    """Import paths in all libraries whose versions matter to the candidates."""
    paths = [path for candidate in use_case.candidates.values() for path in candidate.estimators]
    return (*paths, *(step.transformer for step in use_case.features), *imported_paths(own))
