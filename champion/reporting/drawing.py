"""The sheet that a figure is drawn on: its size, its style, and its way to SVG."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from champion.reporting import svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 400
UNIT = [0, 0.2, 0.4, 0.6, 0.8, 1], ["0", "0.2", "0.4", "0.6", "0.8", "1"]
SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 11.5,
    "text.color": svg.INK,
    "axes.edgecolor": svg.RULE,
    "axes.labelcolor": svg.MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": f"cycler('color', ['{svg.INK}'])",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": svg.RULE,
    "grid.alpha": 0.45,
    "grid.linewidth": 0.6,
    "xtick.color": svg.RULE,
    "ytick.color": svg.RULE,
    "xtick.labelcolor": svg.MUTED,
    "ytick.labelcolor": svg.MUTED,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 11.5,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of the report, whatever matplotlib was set to; its settings are restored afterwards."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the browser's fonts know more letters
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)  # type: ignore[arg-type]  # keys are typed as literals
        yield


class Drawing:
    """One figure, sized and placed in units of the view box, with the origin at the lower left."""

    def __init__(self, height: float) -> None:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        self.size = (WIDTH, height)
        self.figure: Figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        FigureCanvasSVG(self.figure)

    def axes(self, left: float, bottom: float, right: float = 8, top: float = 8) -> "Axes":
        """Axes that leave these margins."""
        width, height = self.size
        axes = self.figure.add_axes(
            (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
        )
        axes.tick_params(length=0, pad=5)
        return axes

    def legend(self, axes: "Axes", columns: int = 1) -> None:
        """A legend along the lower edge, over the whole width."""
        handles, labels = axes.get_legend_handles_labels()
        self.figure.legend(handles, labels, loc="lower left", ncols=columns, borderaxespad=0.2, handlelength=1.6)

    def svg(self, key: str, title: str) -> str:
        """The finished figure; the key keeps its ids apart from those of others."""
        from matplotlib import rc_context

        buffer = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        with rc_context({"svg.hashsalt": key}):
            self.figure.savefig(buffer, format="svg", metadata=nothing)
        return svg.themed(buffer.getvalue(), title)
