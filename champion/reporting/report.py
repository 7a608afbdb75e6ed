"""What a report says that depends on what was learned; a figure is a row that says where it stands and what to see in it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation, Outcome, Performance, Provenance
from champion.modeling.evaluation import PairedTest
from champion.modeling.profile import Profile
from champion.modeling.tasks import part_of
from champion.reporting.tables import Table


class ReportedRun(NamedTuple):
    """All that the report of a run tells."""

    evaluation: Evaluation
    decision: Decision
    profile: Profile
    provenance: Provenance
    outcome: Outcome


class Figure(NamedTuple):
    """A figure of the page; a wide one has its caption beside it."""

    name: str
    section: str
    title: str  # a role gets its version
    caption: Callable[[Evaluation], str]
    wide: bool = False


class FigureSection(NamedTuple):
    """A section of the page: its name in the navigation, its heading, and what it says without a figure."""

    name: str
    heading: str
    otherwise: Callable[[Evaluation], str] = lambda _: ""


class CommentFigure(NamedTuple):
    """Folded details of the comment: where all cannot stay, the highest rank goes first; no parts where it does not apply."""

    title: str
    rank: int
    parts: Callable[[Evaluation], list[str]]


class TaskReport(Protocol):
    """A module of functions and values, beside those that `champion.reporting.figures` has for every task."""

    DETAILS: str  # the heading of `details`
    PAIRED: tuple[str, str, str, str]  # rows of a paired test: of both, of the challenger alone, the champion, neither
    SECTIONS: Mapping[str, FigureSection]  # after that of the errors
    FIGURES: tuple[Figure, ...]  # drawn by the task's `charts`, by name
    COMMENT_FIGURES: tuple[CommentFigure, ...]
    PLOTS: Mapping[str, Callable[[Performance], list[dict[str, Any]]]]  # tables of DVC's plots, by name

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


report_of: Callable[[str], TaskReport] = partial(part_of, __name__)  # by task
