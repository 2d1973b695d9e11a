"""How far this scales: decoding and ingest over cores and nodes, bytes, memory at a million videos, and what follows.

    python -m benchmarks.scale --json runs/benchmarks/scale.json --render docs/scale.md
    python -m benchmarks.scale --plan runs/benchmarks/scale.json --timesteps 128 --frames 8 --heavy i3d --kept 16

The first measures (six to eight minutes on two cores) and fills the tables of the page; the second only calculates.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.ingest import ROOT
from benchmarks.scaling.decoding import Cell, bytes_and_collating, decode_rate, ingest_rates
from benchmarks.scaling.layouts import LAYOUTS, Layout, cluster
from benchmarks.scaling.limits import event_rate, task_rate, transfer_rate
from benchmarks.scaling.many_rows import SECONDS, write_many
from benchmarks.scaling.page import fill, plan_lines
from benchmarks.scaling.plan import Plan
from benchmarks.scaling.start import measure_start
from epitoma.core.errors import EpitomaError
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.on_ray.decode.decoding import ROWS_PER_TASK
from epitoma.reporting.console import complain
from epitoma.reporting.plots import memory_figure

CELLS = (
    Cell(timesteps=32, frames=1, videos=32),
    Cell(timesteps=32, frames=8, videos=32),
    Cell(timesteps=128, frames=1, videos=32),
    Cell(timesteps=128, frames=8, videos=16),
)


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured; as it is, everything at full size.

    Attributes:
        rows: Of the manifests that a job is started over.
        seconds: Length of the real videos.
        cells: What videos are decoded to on the driver's node.
        layouts: Nodes that decode; the first is where everything is measured that needs no other node.
        other_cells: What they are decoded to on the other layouts.
        tasks: Of Ray Data's executor.
        events: For the board.
        objects: Between nodes.
    """

    rows: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    seconds: int = SECONDS
    cells: tuple[Cell, ...] = CELLS
    layouts: tuple[Layout, ...] = LAYOUTS
    other_cells: tuple[Cell, ...] = CELLS[:2]
    tasks: int = 600
    events: int = 5_000
    objects: int = 5


TINY = Cell(timesteps=4, frames=2, size=32, videos=4)
QUICK = Extent(
    rows=(100,),
    seconds=4,
    cells=(TINY,),
    layouts=(LAYOUTS[0], LAYOUTS[-1]),
    other_cells=(TINY,),
    tasks=8,
    events=20,
    objects=1,
)
"""So small that the numbers mean nothing."""


def measure(root: Path, extent: Extent) -> dict[str, Any]:
    """Everything that the page and plans need.

    Args:
        root: Where videos and manifests go.
        extent: How much of it.
    """
    rows = extent.rows[0]
    manifest = read_manifest(write_many(root / f"rows_{rows}", root / "videos", rows, seconds=extent.seconds))
    first, *others = extent.layouts
    return {
        "machine": _machine(),
        "rows_per_task": ROWS_PER_TASK,
        "start": [measure_start(root, count, seconds=extent.seconds) for count in extent.rows],
        "decode": [decode_rate(manifest, cell, cores=(1, 2)) for cell in extent.cells],
        **_on_the_drivers_node(manifest, first, extent),
        **_between_nodes(manifest, others, extent),
    }


def _on_the_drivers_node(manifest: Manifest, layout: Layout, extent: Extent) -> dict[str, Any]:
    with cluster(layout):
        return {
            "kept": bytes_and_collating(manifest, extent.cells),
            "local": ingest_rates(manifest, layout, extent.cells),
            "tasks": task_rate(tasks=extent.tasks),
            "events": event_rate(events=extent.events),
        }


def _between_nodes(manifest: Manifest, layouts: list[Layout], extent: Extent) -> dict[str, Any]:
    measured: dict[str, Any] = {"remote": []}
    for layout in layouts:
        with cluster(layout):
            measured["remote"] += ingest_rates(manifest, layout, extent.other_cells)
            if layout is layouts[-1]:
                measured["transfer"] = transfer_rate(objects=extent.objects)
    return measured


def main(words: list[str] | None = None) -> None:
    """Measure, or plan with what was measured.

    Args:
        words: Of the command line; None takes this process's own.
    """
    arguments = _parser().parse_args(words)
    try:
        if arguments.plan:
            print(plan_lines(_plan(arguments), _read(arguments.plan)))
        else:
            _measure(arguments)
    except EpitomaError as error:
        complain(f"error: {error}")
        sys.exit(2)


def _measure(arguments: argparse.Namespace) -> None:
    if arguments.only_render:
        measured = _read(arguments.only_render)
    else:
        measured = measure(arguments.root, QUICK if arguments.quick else Extent())
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(measured, indent=1) + "\n")
    if arguments.render:
        fill(arguments.render, measured)
        memory_figure(measured["start"], arguments.render.with_suffix(".png"))


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def _plan(arguments: argparse.Namespace) -> Plan:
    given = {field.name: getattr(arguments, field.name) for field in fields(Plan)}
    return Plan(**{name: value for name, value in given.items() if value is not None})


def _machine() -> str:
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return f"Measured {date.today():%Y-%m-%d} on {cores} cores without a GPU; load when it began: {load:.1f}."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write what was measured")
    parser.add_argument("--render", type=Path, help="page whose tables are filled, with a figure beside it")
    parser.add_argument("--only-render", type=Path, help="what was measured before, instead of measuring")
    parser.add_argument("--quick", action="store_true", help="small, to see that it runs")
    parser.add_argument("--root", type=Path, default=ROOT / "scale", help="where videos and manifests go")
    parser.add_argument("--plan", type=Path, help="what was measured before: calculate a plan from it")
    for field in fields(Plan):
        kind = type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, help=f"plan: {field.default}")
    return parser


if __name__ == "__main__":
    main()
