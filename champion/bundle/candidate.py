"""A trained candidate on its way from training to the comparison: a skops file and what is needed to ask it."""

from dataclasses import dataclass

from champion.modeling.equivalence import EquivalenceReport
from champion.modeling.evaluation import CandidateResult


@dataclass(frozen=True)
class TrainedCandidate:
    """One fitted candidate."""

    result: CandidateResult
    model: bytes  # the fitted pipeline as a skops file
    equivalence: EquivalenceReport | None = None
