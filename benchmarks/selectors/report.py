"""What was measured, as JSON, as a Markdown table, and as a figure."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.ticker import StrMethodFormatter

from benchmarks.record import provenance
from benchmarks.selectors.cost import Costs
from benchmarks.selectors.measure import Row, rows_of
from benchmarks.selectors.trained import Trained
from benchmarks.selectors.videos import KEPT
from epitoma.files.atomic import write_text

COLOURS = {
    "ours": "#c1272d",
    "oracle": "#1a1a1a",
    "dense": "#1a1a1a",
    "uniform": "#0000a7",
    "paper": "#2e8b57",
}
STYLES = {"oracle": ":", "dense": "--"}


def write(path: Path | None, trainings: Sequence[Trained], costs: Mapping[str, Costs]) -> None:
    """Write a record: rows over seeds with their costs, and every training; None writes nothing."""
    if path is None:
        return
    rows = [
        {
            **asdict(row),
            "gmacs": costs[row.dataset].gmacs(row),
            "milliseconds": costs[row.dataset].milliseconds(row),
        }
        for row in rows_of(trainings)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [f'"{name}": {json.dumps(value)}' for name, value in provenance().items()]
    parts += [_listed("rows", rows), _listed("trainings", [asdict(each) for each in trainings])]
    write_text(path, "{\n" + ",\n".join(parts) + "\n}\n")


def _listed(name: str, values: Sequence[Mapping[str, Any]]) -> str:
    """A list of a record, a value a line: there are hundreds, and each has lists of its own."""
    return f'"{name}": [\n' + ",\n".join(json.dumps(value) for value in values) + "\n]"


def markdown(rows: Sequence[Row], costs: Costs) -> str:
    """A line for each way, a column for each number of timesteps."""
    counts = (
        [*KEPT, max(row.timesteps for row in rows)] if any(row.selector == "dense" for row in rows) else KEPT
    )
    lines = [
        "| way | " + " | ".join(f"T' = {count}" for count in counts) + " | GMACs, ms at 8 |",
        "|---" * (len(counts) + 2) + "|",
    ]
    for name in dict.fromkeys(row.selector for row in rows):
        found = {row.timesteps: row for row in rows if row.selector == name}
        cells = [f"{found[c].mean:.3f} ± {found[c].std:.3f}" if c in found else "" for c in counts]
        eight = found.get(8, next(iter(found.values())))
        cost = f"{costs.gmacs(eight):.1f}, {costs.milliseconds(eight):.0f}"
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {cost} |")
    return "\n".join(lines)


def figure(rows: Sequence[Row], path: Path) -> None:
    """Accuracy against timesteps, all curves of a dataset in one panel."""
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    columns = min(2, len(datasets))
    shape = (math.ceil(len(datasets) / columns), columns)
    drawing, panels = plt.subplots(*shape, figsize=(6.5 * columns, 4.5 * shape[0]), squeeze=False)
    for panel, dataset in zip(panels.flat, datasets, strict=False):
        for number, name in enumerate(dict.fromkeys(row.selector for row in rows)):
            curve = [row for row in rows if (row.dataset, row.selector) == (dataset, name)]
            colour, style = COLOURS.get(name, f"C{number}"), STYLES.get(name, "-")
            if name == "dense":
                panel.axhline(curve[0].mean, color=colour, linestyle=style, label="dense (all)")
                continue
            at, means = [row.kept for row in curve], [row.mean for row in curve]
            panel.plot(at, means, style, marker="o", markersize=3, color=colour, label=name)
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        panel.set(title=dataset, xlabel="timesteps kept", ylabel="accuracy on test")
        panel.grid(alpha=0.3)
    for panel in list(panels.flat)[len(datasets) :]:
        panel.remove()
    panels.flat[0].legend(fontsize=7)
    drawing.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing.savefig(path, dpi=110)
    plt.close(drawing)
