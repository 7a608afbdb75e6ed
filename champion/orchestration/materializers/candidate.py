"""A trained candidate in the store."""

from typing import Any, ClassVar

from zenml.enums import ArtifactType

from champion.bundle.model import TrainedCandidate
from champion.modeling.evaluation import CandidateResult, EquivalenceReport
from champion.orchestration.materializers.files import Files

_MODEL, _RESULT, _EQUIVALENCE, _ANSWERS = "model.skops", "result.json", "parity.json", "answers.npz"
_TRAIN_ROWS, _CODE = "train_rows", "code.json"


class CandidateMaterializer(Files):
    """A trained candidate: its result as JSON beside its skops file; of a challenger its answers and train rows, and own code."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (TrainedCandidate,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.MODEL

    def load(self, data_type: type[Any]) -> TrainedCandidate:
        """Read the files; model and answers stay bytes until somebody asks them."""
        del data_type
        equivalence = (
            EquivalenceReport.model_validate_json(self._read(_EQUIVALENCE)) if self._has(_EQUIVALENCE) else None
        )
        answers = self._read(_ANSWERS) if self._has(_ANSWERS) else None
        train_rows = self._read(_TRAIN_ROWS) if self._has(_TRAIN_ROWS) else None
        own = self._read(_CODE) if self._has(_CODE) else None
        result = CandidateResult.model_validate_json(self._read(_RESULT))
        return TrainedCandidate(result, self._read(_MODEL), equivalence, answers, train_rows, own)

    def save(self, data: TrainedCandidate) -> None:
        """Write the files."""
        self._write(_MODEL, data.model)
        self._write(_RESULT, data.result.model_dump_json(indent=1).encode())
        if data.equivalence is not None:
            self._write(_EQUIVALENCE, data.equivalence.model_dump_json(indent=1).encode())
        if data.answers is not None:
            self._write(_ANSWERS, data.answers)
        if data.train_rows is not None:
            self._write(_TRAIN_ROWS, data.train_rows)
        if data.code is not None:
            self._write(_CODE, data.code)

    def extract_metadata(self, data: TrainedCandidate) -> dict[str, Any]:
        """Score and time, for the dashboard."""
        result = data.result
        facts: dict[str, Any] = {"estimator": result.estimator, "seconds": result.seconds, "bytes": len(data.model)}
        if result.cv_mean is not None:
            facts |= {"cv_mean": result.cv_mean, "cv_std": result.cv_std}
        return facts
