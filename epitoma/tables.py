"""Tables for the terminal."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from epitoma.tradeoff import TradeoffPoint


def tradeoff_table(points: Sequence[TradeoffPoint], *, title: str, score_name: str) -> Table:
    """Every way of choosing timesteps as a row: what was kept, how good it was, what it cost."""
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
