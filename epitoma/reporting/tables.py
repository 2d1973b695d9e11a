"""Tables for the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table

from epitoma.cost.gmacs import Cost
from epitoma.cost.paper_table import TableRow
from epitoma.evaluation.tradeoff import TradeoffPoint


def tradeoff_table(points: Sequence[TradeoffPoint], *, title: str, score_name: str) -> Table:
    """Table of tradeoff points, a row for each sampling, classifier and budget, with score and cost."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in (
        "sampling",
        "classifier",
        "T'",
        score_name,
        "GMACs",
        "light",
        "heavy",
        "head",
        "precision",
    ):
        is_name = heading in ("sampling", "classifier")
        table.add_column(heading, justify="left" if is_name else "right", no_wrap=True)
    previous = points[0] if points else None
    for point in points:
        if previous and (previous.sampling, previous.classifier) != (point.sampling, point.classifier):
            table.add_section()
        table.add_row(*_cells(point))
        previous = point
    return table


def paper_cost_table(rows: Sequence[TableRow]) -> Table:
    """The paper's table 1: GMACs counted exactly and by the paper's convention, and milliseconds of decoding."""
    table = Table(title="GMACs a video", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("HeavyNet", no_wrap=True)
    for heading in ("T'", "counted", "light", "heavy", "head", "total", "decode ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        costs = (row.light_gating, row.heavynet, row.classifier, row.total)
        decoding = "" if row.decode_ms is None else f"{row.decode_ms:.0f}"
        cells = (row.heavy, str(row.timesteps), row.convention, *(f"{cost:.2f}" for cost in costs), decoding)
        table.add_row(*cells)
    return table


def stage_table(costs: Mapping[int, Cost], decode_ms: Mapping[int, float], *, timesteps: int) -> Table:
    """Table of GMACs by stage, a row for each number of kept timesteps, with milliseconds of decoding."""
    title = f"GMACs a video, {timesteps} candidates"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("T'", "light", "context", "gating", "heavy", "head", "total", "decode ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for kept, cost in costs.items():
        stages = (cost.light_net, cost.context, cost.gating, cost.heavy, cost.classifier, cost.total)
        table.add_row(str(kept), *(f"{stage:.3f}" for stage in stages), f"{decode_ms[kept]:.0f}")
    return table


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """Row of a trial in the table of a sweep.

    Attributes:
        trial: Name of the trial.
        state: "running", or how it ended.
        epoch: Epochs done.
        score: Newest validation score.
        timesteps: Mean timesteps kept in that validation.
        gmacs: GMACs of a video with these.
        on_front: Whether the trial is on the front: no other is better at its cost.
    """

    trial: str
    state: str
    epoch: int | None = None
    score: float | None = None
    timesteps: float | None = None
    gmacs: float | None = None
    on_front: bool = False


def sweep_table(rows: Sequence[TrialRow], *, title: str, score_name: str) -> Table:
    """Table of a sweep's trials; those on the front are marked."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("trial", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for heading in ("epochs", score_name, "T'", "GMACs", "front"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        numbers = (_number(row.score, ".3f"), _number(row.timesteps, ".1f"), _number(row.gmacs, ".3f"))
        table.add_row(row.trial, row.state, _number(row.epoch, "d"), *numbers, "*" if row.on_front else "")
    return table


def front_table(rows: Sequence[Mapping[str, Any]], *, title: str) -> Table:
    """Table of a sweep's front: scores and cost of each choice."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("trial", no_wrap=True)
    for heading in ("of T", "budget", "T'", "GMACs", "ms", "expected", "validation", "test"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        budget = "gate" if row["sampling"] == "gate" else str(row["budget"])
        scores = (_number(row[f"{name}_score"], ".3f") for name in ("expected", "validation", "test"))
        costs = (_number(row["gmacs"], ".3f"), _number(row["milliseconds"], ".0f"))
        table.add_row(
            row["trial"], str(row["candidates"]), budget, f"{row['timesteps']:.4g}", *costs, *scores
        )
    return table


def _number(value: float | None, digits: str) -> str:
    return "" if value is None else format(value, digits)


def _cells(point: TradeoffPoint) -> list[str]:
    precision = "" if point.selection_precision is None else f"{point.selection_precision:.2f}"
    return [
        point.sampling,
        point.classifier,
        f"{point.timesteps:.4g}",
        f"{point.score:.3f}",
        f"{point.gmacs:.3f}",
        f"{point.gmacs_light:.3f}",
        f"{point.gmacs_heavy:.3f}",
        f"{point.gmacs_classifier:.4f}",
        precision,
    ]
