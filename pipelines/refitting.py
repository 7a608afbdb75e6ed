"""The pipeline of a refit: the champion's own recipe on its own table, held to the answers that its promotion kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from zenml import pipeline
from zenml.enums import ExecutionMode

from champion.bundle.build import code_of
from champion.bundle.libraries import moved
from champion.bundle.manifest import Manifest
from champion.comparison.evaluation import Provenance
from champion.errors import ProjectError
from champion.modeling.cells.moments import OWN
from champion.modeling.contract import Contract
from champion.modeling.own.code import using
from champion.modeling.split import SplitRule
from champion.orchestration import code
from champion.orchestration.runs import output
from champion.orchestration.stacks import support_for
from champion.registry import versions as champions
from champion.registry.own_code import trusted_code
from champion.registry.reconcile import reconcile, who, write_champion
from champion.registry.refit import RefitOutcome, RefitTerms
from champion.use_case.learning import Candidate, Data, Read, Split
from champion.use_case.whole import UseCase
from champion.workspace.workspace import Workspace, require_writable
from pipelines.dataset import former_dataset
from pipelines.launch import TellStep, launched, versioned
from pipelines.own_code import imported_paths, stored_code
from pipelines.table_check import require_candidates
from pipelines.training import Options, Trained, facts_of, judged, train
from steps.compare_answers import compare_answers
from steps.prepare import prepare
from steps.refit import refit as refit_step
from steps.train_candidate import train_candidate

if TYPE_CHECKING:
    from zenml.client import Client


class Refit(NamedTuple):
    """What a refit found and did: its outcome, where it compared; the challenger's run, where there was one; what to know."""

    said: str
    outcome: RefitOutcome | None
    trained: Trained | None
    notes: list[str]


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def refitting(
    table: Any,
    use_case: UseCase,
    rule: SplitRule,
    contract: Contract,
    kept: Any,
    facts: Provenance,
    terms: RefitTerms,
    rows: int,
    code: Any,
    libraries: tuple[str, ...],
) -> None:
    """Train the one candidate of a champion's recipe, compare its answers with those that were kept, and act on it."""
    ((name, candidate),) = use_case.candidates.items()
    data, fitting = use_case.data.model_copy(update={"path": ""}), use_case.fitting()
    train_set, holdout, profile, plan, train_rows = versioned(prepare)(
        table=table, data=data, rule=rule, task=use_case.task
    )
    given = {} if code is None else {"code": code}
    fitted = versioned(train_candidate, *libraries)(
        train_set=train_set, plan=plan, name=name, candidate=candidate, fitting=fitting, id=f"train_{name}", **given
    )
    compared, refitted = versioned(compare_answers, *libraries)(
        holdout=holdout,
        plan=plan,
        train_rows=train_rows,
        candidate=fitted,
        contract=contract,
        kept=kept,
        fitting=fitting,
    )
    refit_step(compared=compared, refitted=refitted, plan=plan, profile=profile, facts=facts, terms=terms, rows=rows)


def recipe(manifest: Manifest, today: UseCase) -> UseCase:
    """The use case that makes a champion's model again, by its manifest; what judges and runs it is as today."""
    candidate = Candidate(estimator=manifest.estimator, params=manifest.params)
    rule = {name: getattr(manifest.split, name) for name in ("share", "by", "salt", "column")}
    steps = {"default", "prepare", f"train_{manifest.candidate}", "evaluate", "promote", "report"}
    return today.model_copy(
        update={
            "task": manifest.task,
            "data": Data(
                path=manifest.data_path,
                target=manifest.target,
                drop=manifest.drop,
                kinds=manifest.kinds,
                zone=next((each.clock for each in manifest.signature if each.clock not in (None, OWN)), None),
                unlabelled=manifest.unlabelled,
                max_bad_cells=manifest.most_wrong_cells,
                read=manifest.read or Read(missing=manifest.missing_words(not manifest.data_path.endswith(".parquet"))),
            ),
            "split": Split(**rule, min_overlap=today.split.min_overlap),
            "code": (),
            "features": manifest.features,
            "candidates": {manifest.candidate: candidate},
            "training": today.training.model_copy(update={"seed": manifest.seed}),
            "resources": {name: each for name, each in today.resources.items() if name in steps},
        }
    )


def refit(client: Client, workspace: Workspace, options: Options, tell: TellStep) -> Refit:
    """Train the champion's recipe again, where a library moved since it was made.

    A model that answers the same takes the champion's number; another one is a challenger as any other. Raises ProjectError
    when something is the user's to mend.
    """
    require_writable(workspace)
    reconciled = reconcile(client, workspace)
    champion, package = reconciled.version_history.champion, reconciled.package
    if champion is None or package is None:
        raise ProjectError(
            f"{workspace.use_case.name} has no champion to refit. `python run.py train --config {workspace.shown_config}` "
            "makes one."
        )
    manifest, notes = package.manifest, [*reconciled.notes]
    stack = support_for(client, None, None, package)
    changed = moved(manifest.libraries, stack.libraries())
    if changed is None:
        said = f"Nothing to refit: version {champion.number} was made with the libraries that are here."
        return Refit(said, None, None, notes)
    kept = champions.kept_answers(client, champion)
    if kept is None:
        said = (
            f"Version {champion.number} was made with {changed}, and this store does not have its answers to the holdout: "
            "they cannot be compared, so an ordinary challenger was trained."
        )
        trained = train(client, workspace, options, tell)
        return Refit(said, None, trained, trained.notes)
    own = Workspace(workspace.root, workspace.config, recipe(manifest, workspace.use_case))
    trusted_code(client, workspace, package, options.trust_code)
    of_package = code_of(package, workspace.shown_package)
    with using(of_package):
        require_candidates(own.use_case, f"the recipe of version {champion.number}")
    dataset = former_dataset(client, own, manifest.data_version, manifest.split)
    terms = RefitTerms(
        champion=str(champion.id),
        revision=reconciled.version_history.revision,
        moved=changed,
        readmit=options.readmit,
        by=who(client, workspace),
    )
    with code.made_with(stack.libraries()):
        inputs = {
            "table": dataset.artifact,
            "use_case": own.use_case,
            "rule": dataset.rule,
            "contract": manifest.contract,
            "kept": kept,
            "facts": facts_of(client, own, dataset, of_package),
            "code": stored_code(client, own, of_package),
            "libraries": (*own.use_case.candidates[manifest.candidate].estimators, *imported_paths(of_package)),
            "terms": terms,
            "rows": dataset.rows,
        }
        steps = ["prepare", f"train_{manifest.candidate}", "compare_answers", "refit"]
        run = launched(
            client, stack, own.use_case, refitting, inputs, tell, kind="refit", steps=steps, cache=options.cache
        )
    outcome: RefitOutcome = output(run.steps, "refit", "outcome")
    if outcome.action == "other_answers":
        said = (
            f"Version {champion.number} was made with {changed}. Trained again it is another model: {outcome.reason} "
        )
        trained = judged(client, own, dataset, options, tell, reconciled, own=of_package)
        return Refit(f"{said}So it is a challenger.", outcome, trained, trained.notes)
    if outcome.action == "champion_changed":
        raise ProjectError("Nothing was refitted: the champion changed while this refit was under way. Run again.")
    if outcome.action == "withdrawn":
        raise ProjectError(
            f"Nothing was refitted: this refit of version {champion.number} was in production, and a rollback took it out. "
            "`--readmit` lets it back."
        )
    now = write_champion(client, workspace)
    said = f"{outcome.reason} It stays version {outcome.champion}, with revision {outcome.revision}."
    return Refit(said, outcome, None, [*reconciled.done, *([now] if now else [])])
