"""The tables of docs/scale.md, made from what was measured, between marks that the page keeps."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.scaling.plan import Plan, cores_per_gpu, ingested, limits, store_bytes
from epitoma.core.errors import ConfigError
from epitoma.files.atomic import write_text

GIB, MB = 2**30, 1e6
PLANS = (
    Plan(timesteps=32, frames=1, heavy="resnet2d", kept=8),
    Plan(timesteps=128, frames=1, heavy="resnet2d", kept=16),
    Plan(timesteps=32, frames=8, heavy="shufflenet3d", kept=8),
    Plan(timesteps=32, frames=8, heavy="i3d", kept=8),
    Plan(timesteps=128, frames=8, heavy="shufflenet3d", kept=16),
    Plan(timesteps=128, frames=8, heavy="i3d", kept=16),
    Plan(timesteps=128, frames=8, heavy="i3d", kept=64),
)


def fill(page: Path, measured: Mapping[str, Any]) -> None:
    """Write the tables into a page: each replaces what stands between its two marks.

    Raises:
        ConfigError: The page has no marks for a table.
    """
    text = page.read_text(encoding="utf-8")
    for name, table in tables(measured).items():
        start, end = f"<!-- {name} -->", f"<!-- end {name} -->"
        marked = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
        if not marked.search(text):
            raise ConfigError(f"{page}: has no place for a table: put {start} and {end} where it belongs")
        text = marked.sub(lambda _, filled=f"{start}\n{table}\n{end}": filled, text)
    write_text(page, text)


def tables(measured: Mapping[str, Any]) -> dict[str, str]:
    """Every table of the page by its name."""
    return {
        "machine": measured["machine"],
        "start": _start(measured),
        "decode": _decode(measured),
        "ingest": _ingest(measured),
        "bytes": _bytes(measured),
        "rest": _rest(measured),
        "cores": _cores(measured),
        "limits": _limits(measured),
    }


def plan_lines(plan: Plan, measured: Mapping[str, Any]) -> str:
    """What a plan needs and what gives way, for a person at a terminal."""
    return "\n\n".join([_plans([plan], measured), _limits_of(plan, measured)])


def _start(measured: Mapping[str, Any]) -> str:
    heads = (
        "videos",
        "first batch after, s",
        "driver, GiB",
        "training worker, GiB",
        "controller, GiB",
        "decoder, GiB",
    )
    names = ("driver_gib", "worker_gib", "controller_gib", "decoder_gib")
    return _table(
        heads,
        (
            [f"{row['rows']:,}", f"{row['seconds']:.0f}", *(f"{row[name]:.2f}" for name in names)]
            for row in measured["start"]
        ),
    )


def _decode(measured: Mapping[str, Any]) -> str:
    heads = ("T x m", "one core, ms a video", "1 core, videos/s", "2 cores, videos/s")
    names = ("videos_per_second_1_cores", "videos_per_second_2_cores")
    return _table(
        heads,
        (
            [_shape(row), f"{row['core_seconds_a_video'] * 1e3:.0f}", *(f"{row[name]:.2f}" for name in names)]
            for row in measured["decode"]
        ),
    )


def _ingest(measured: Mapping[str, Any]) -> str:
    shapes = list(dict.fromkeys(_shape(row) for row in ingested(measured)))
    cells = {(row["layout"], _shape(row)): row for row in ingested(measured)}
    layouts = dict.fromkeys(row["layout"] for row in ingested(measured))
    heads = ["decoding on", *(f"{shape}: videos/s (core s a video)" for shape in shapes)]
    return _table(
        heads, ([layout, *(_rate(cells.get((layout, shape))) for shape in shapes)] for layout in layouts)
    )


def _rate(row: Mapping[str, Any] | None) -> str:
    return "" if row is None else f"{row['videos_per_second']:.2f} ({row['core_seconds_a_video']:.2f})"


def _bytes(measured: Mapping[str, Any]) -> str:
    heads = (
        "T x m",
        "size",
        "formula, MB",
        "Ray Data says, MB",
        "in the object store, MB",
        "collated, videos/s",
        "collated, MB/s",
    )
    return _table(
        heads,
        (
            [
                _shape(row),
                str(row["size"]),
                *(
                    f"{row[name] / MB:.2f}"
                    for name in ("bytes_by_formula", "bytes_by_ray_data", "bytes_in_store")
                ),
                f"{row['collated_videos_per_second']:.1f}",
                f"{row['collated_bytes_per_second'] / MB:.0f}",
            ]
            for row in measured["kept"]
        ),
    )


def _rest(measured: Mapping[str, Any]) -> str:
    tasks = measured["tasks"]
    rows = [
        ("tasks of Ray Data's executor, all on two cores", f"{tasks['tasks_per_second']:.0f} a second"),
        (
            "CPU of the process that runs the executor",
            f"{tasks['driver_core_seconds_a_task'] * 1e3:.1f} ms a task",
        ),
        ("CPU of the head (GCS)", f"{tasks['head_core_seconds_a_task'] * 1e3:.2f} ms a task"),
        ("CPU of the raylet", f"{tasks['raylets_core_seconds_a_task'] * 1e3:.1f} ms a task"),
        ("events on the board", f"{measured['events']['events_per_second']:.0f} a second"),
        ("objects between nodes", f"{measured['transfer']['bytes_per_second'] / MB:.0f} MB/s"),
    ]
    return _table(("what", "sustained"), rows)


def _cores(measured: Mapping[str, Any]) -> str:
    return _plans(PLANS, measured)


def _plans(plans: Sequence[Plan], measured: Mapping[str, Any]) -> str:
    heads = (
        "T x m",
        "HeavyNet on T'",
        "GMACs a video",
        "a GPU takes, videos/s",
        "**CPU cores a GPU**",
        "MB a video",
        "Gbit/s a GPU",
        "collating keeps a GPU busy",
        "object store a node, GiB",
    )
    return _table(heads, (_plan_cells(plan, measured) for plan in plans))


def _plan_cells(plan: Plan, measured: Mapping[str, Any]) -> list[str]:
    collating = next(limit for limit in limits(plan, measured) if "collates" in limit.name)
    return [
        f"{plan.timesteps} x {plan.frames}",
        f"{plan.heavy} on {plan.kept}",
        f"{plan.gmacs:.0f}",
        f"{plan.wanted:.0f}",
        f"**{cores_per_gpu(plan, measured):.0f}**",
        f"{plan.row_bytes / MB:.0f}",
        f"{plan.wanted * plan.row_bytes * 8 / 1e9:.1f}",
        f"{min(1.0, collating.gpus):.0%}",
        f"{store_bytes(plan) / GIB:.0f}",
    ]


def _limits(measured: Mapping[str, Any]) -> str:
    return "\n\n".join(
        f"{plan.timesteps} x {plan.frames}, {plan.heavy} on {plan.kept} "
        f"(a GPU takes {plan.wanted:.0f} videos/s):\n\n{_limits_of(plan, measured)}"
        for plan in (PLANS[0], PLANS[-2])
    )


def _limits_of(plan: Plan, measured: Mapping[str, Any]) -> str:
    rows = (
        [limit.name, limit.per, f"{limit.sustains:.0f}", f"{limit.gpus:.2g}"]
        for limit in limits(plan, measured)
    )
    return _table(
        ("what gives way, the first first", "one for each", "sustains, videos/s", "feeds GPUs"), rows
    )


def _shape(row: Mapping[str, Any]) -> str:
    return f"{row['timesteps']} x {row['frames']}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
