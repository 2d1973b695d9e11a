"""Text of figures as it is: no letter of a name is mark-up to matplotlib, and no name is left out."""

from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter, StrMethodFormatter

# For all text there is: names of runs, videos and classes may hold dollar signs.
mpl.rcParams["text.parse_math"] = False


class PlainLogFormatter(LogFormatter):
    """Labels of a log axis as plain numbers: matplotlib's own are mathematical mark-up, which is off here."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The number, where its tick has a label."""
        return f"{x:g}" if super().__call__(x, pos) else ""


def log_scale(axes: Axes, *, base: int = 10) -> None:
    """Give the x axis a log scale."""
    axes.set_xscale("log", base=base)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(PlainLogFormatter(base=base, minor_thresholds=(2, 0.4)))


def legend(axes: Axes, **options: Any) -> None:
    """Add a legend of all bars and error bars: matplotlib's own leaves out names that begin with an underscore."""
    drawn = [each for each in axes.containers if each.get_label() != "_nolegend_"]
    made = axes.legend(drawn, [f"curve {number}" for number in range(len(drawn))], **options)
    for text, each in zip(made.get_texts(), drawn, strict=True):
        text.set_text(str(each.get_label()))
