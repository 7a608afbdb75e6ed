"""What a report says that depends on what was learned, and the tasks that there are."""

from typing import Protocol

from champion.comparison.evaluation import Evaluation, Performance
from champion.modeling.evaluation import PairedTest
from champion.modeling.profile import Profile
from champion.reporting import classification
from champion.reporting.tables import Table


class TaskReport(Protocol):
    """A module of functions; its figures are rows of `champion.reporting.figures`, which are drawn where there is evidence."""

    DETAILS: str  # the heading of `details`

    def target(self, profile: Profile) -> str:
        """What the target of the train set looks like, and how many rows there are."""

    def details(self, evaluation: Evaluation) -> Table:
        """Where the challenger is good, and where the champion is."""

    def errors(self, performance: Performance | None, evaluation: Evaluation) -> str:
        """What a model gets wrong."""

    def paired_table(self, evaluation: Evaluation) -> Table | None:
        """The rows on which they differ."""

    def paired(self, test: PairedTest) -> str:
        """What the paired test says of these rows."""

    def smallest_gain(self, evaluation: Evaluation) -> str:
        """Which gain stands out from noise, and why a holdout wears out."""


TASKS: dict[str, TaskReport] = {"classification": classification}


def task_of(source: Evaluation | Profile) -> TaskReport:
    """What says it of an evaluation or a profile."""
    return TASKS[source.task]
