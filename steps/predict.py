"""Score a table with the champion; the table, the package and what comes of them are artifacts."""

from pathlib import Path
from typing import Annotated

from zenml import step

from champion.bundle.batch import BatchRequest, Tally
from champion.bundle.folder import Package
from champion.orchestration.materializers.files import FileMaterializer, StoredFile
from champion.progress import tell_watchers
from champion.scratch import lasting


@step(output_materializers={"predictions": FileMaterializer, "rejects": FileMaterializer})
def predict(
    table: StoredFile, champion: Package, asked: BatchRequest
) -> tuple[Annotated[StoredFile, "predictions"], Annotated[StoredFile, "rejects"], Annotated[Tally, "tally"]]:
    """Stream the table through the champion, chunk by chunk; its format is that of its name.

    Predictions have one row for each that could be scored, in the table's order; rejects (CSV) those that could not, with
    the reason.
    """
    from champion.bundle.batch import predict_table
    from champion.bundle.build import array_predictor

    model = array_predictor(champion, f"models/{champion.manifest.use_case}", asked.trusted_code)
    out = _folder("predictions") / f"predictions{asked.suffix}"
    rejects = _folder("rejects") / "rejects.csv"
    try:
        tally = predict_table(table.path, model, champion.manifest, asked, out, rejects, tell_watchers)
    except BaseException:  # Ctrl-C too leaves no half of a file in the store
        for path in (out, rejects):
            path.unlink(missing_ok=True)
        raise
    return StoredFile(out), StoredFile(rejects), tally


def _folder(output: str) -> Path:
    """The store's folder of an output, so that it is written once; a temporary one where the store is elsewhere."""
    from zenml import get_step_context

    try:
        folder = Path(get_step_context().get_output_artifact_uri(output))
    except RuntimeError:  # no run: a test of the step alone
        folder = Path()
    return folder if folder.is_absolute() and folder.is_dir() else lasting()
