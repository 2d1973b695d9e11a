"""What was measured, as JSON and as a Markdown table."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.additions.measure import GATE, KEPT, Row


def write(path: Path | None, rows: Sequence[Row]) -> None:
    """Write the rows as a JSON list."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def markdown(rows: Sequence[Row], dataset: str) -> str:
    """A line for each variant of a dataset: test accuracy, and validation against the paper's model."""
    of_dataset = [row for row in rows if row.dataset == dataset]
    header = [f"T' = {kept}" for kept in KEPT] + ["gates", "kept", "ahead of the paper at 4 / 8 / 16"]
    lines = [f"| {dataset} | {' | '.join(header)} |", f"|---{'|---:' * len(header)}|"]
    for name in dict.fromkeys(row.model for row in of_dataset):
        by_kept = {row.timesteps: row for row in of_dataset if row.model == name}
        cells = [f"{by_kept[kept].mean:.3f}" for kept in (*KEPT, GATE)]
        ahead = [f"{by_kept[kept].ahead:+.3f} +- {by_kept[kept].ahead_error:.3f}" for kept in (4, 8, 16)]
        lines.append(f"| {name} | {' | '.join([*cells, f'{by_kept[GATE].kept:.1f}', ', '.join(ahead)])} |")
    return "\n".join(lines)
