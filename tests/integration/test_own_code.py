"""Own code through whole runs: what an edit runs again, two versions beside each other, and whose code may be run."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from champion.bundle.build import predictor
from champion.bundle.folder import Package, digest, read, write
from champion.errors import ConfigurationError, PackageError, UntrustedCodeError
from champion.registry.own_code import trusted_code
from tests.conftest import Session, quick
from tests.support import own_examples

EVERY = {"prepare", "train_nearest", "evaluate", "promote", "report"}
STEP = {"transformer": "features.ratios.Ratio", "columns": ["petal_length", "petal_width"], "params": {"scale": 2.0}}


def case(**changes: Any) -> dict[str, Any]:
    candidates = {"nearest": {"estimator": "features.ratios.Nearest"}}
    return quick(code=list(own_examples.FILES), features=[STEP], candidates=candidates, **changes)


def test_code_of_a_checkout_is_trained_edited_judged_predicted_and_rolled_back(
    session: Session, tmp_path: Path
) -> None:
    from pipelines.batch_files import checked_files
    from pipelines.batch_inference import predict

    own_examples.write(session.root)
    done, executed = session.train(case())
    assert (done.outcome.action, executed) == ("promoted", EVERY)
    package = session.root / "models" / session.name
    assert {"code/features/ratios.py", "code/features/helpers.py"} < session.manifest()["files"].keys()
    first = read(package, "the package")
    assert first is not None

    better = own_examples.RATIOS.replace("rows = np.asarray(rows)\n", "rows = np.asarray(rows) * 1.0\n")
    own_examples.write(session.root, {"features/ratios.py": better})
    edited, executed = session.train(case())
    assert executed == EVERY - {"prepare"}, "an edit of the code fits anew"
    assert edited.facts.fingerprint != done.facts.fingerprint
    assert edited.decision.reason_code == "tie", "each was asked by the code that it was made with"
    assert edited.evaluation.champion is not None

    workspace = session.workspace(case())
    table, out = session.root / "data/iris.csv", tmp_path / "out.csv"
    answered = predict(
        session.client,
        workspace,
        checked_files(table, out, None, keep=(), keep_all=False, quote_formulas=False),
        True,
        lambda *_: None,
    )
    assert (answered.tally.rows, answered.tally.predicted) == (150, 150)

    shutil.rmtree(session.root / "features")
    predict(
        session.client,
        workspace,
        checked_files(table, out, None, keep=(), keep_all=False, quote_formulas=False),
        False,
        lambda *_: None,
    )
    with pytest.raises(ConfigurationError, match=r"features/ratios.py does not exist in this checkout"):
        session.train(case())


def test_code_that_this_checkout_never_had_is_not_run_without_consent(session: Session, tmp_path: Path) -> None:
    own_examples.write(session.root)
    session.train(case())
    package, shown = session.root / "models" / session.name, f"models/{session.name}"
    made = read(package, shown)
    assert made is not None
    trap = tmp_path / "ran"
    evil = own_examples.RATIOS + f"\nopen({str(trap)!r}, 'w').close()\n"
    foreign = dict(made.files) | {"code/features/ratios.py": evil.encode()}

    write(Package(made.manifest, foreign), package)
    with pytest.raises(PackageError, match=r"code/features/ratios.py does not match its hash"):
        read(package, shown)
    (package / "code/features/more.py").touch()
    with pytest.raises(PackageError, match=r"code/features/more.py does not belong to it"):
        read(package, shown)

    hashes = {**made.manifest.files, "code/features/ratios.py": digest(evil.encode())}
    whole = Package(made.manifest.model_copy(update={"files": hashes}), foreign)
    workspace = session.workspace(case())
    with pytest.raises(UntrustedCodeError, match="is not what this checkout has or had"):
        trusted_code(session.client, workspace, whole)
    with pytest.raises(PackageError, match="needs own code that is not in its package"):
        predictor(whole, shown, ("any",))
    assert not trap.exists()
    assert trusted_code(session.client, workspace, made) == trusted_code(session.client, workspace, made, consent=True)
    consented = trusted_code(session.client, workspace, whole, consent=True)
    assert trusted_code(session.client, workspace, whole) == consented, "the store remembers it"
    assert not trap.exists()
