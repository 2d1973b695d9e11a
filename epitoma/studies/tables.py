"""Tables of studies, as Markdown for reading and Parquet for further use."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from epitoma.files.parquet import write_parquet
from epitoma.studies.class_ratios import RatioStudy
from epitoma.studies.rows import StudyRow


def score_table(rows: Sequence[StudyRow]) -> str:
    """Markdown table with a line for each setting and sampling, and a column for each budget.

    The gate has a column of its own, whose cells contain its mean T'.
    """
    counts = sorted({round(row.timesteps) for row in rows if row.sampling != "gate"})
    lines = [_line(["setting", "sampling", *map(str, counts), "gate"]), _line(["---"] * (len(counts) + 3))]
    for setting, sampling in dict.fromkeys((row.setting, row.sampling) for row in rows):
        own = [row for row in rows if (row.setting, row.sampling) == (setting, sampling)]
        if sampling == "gate":
            lines.append(
                _line([setting, "gate", *[""] * len(counts), f"{_cell(own[0])} at {own[0].timesteps:.1f}"])
            )
        else:
            cells = {round(row.timesteps): _cell(row) for row in own}
            lines.append(_line([setting, sampling, *(cells.get(count, "") for count in counts), ""]))
    return "\n".join(lines) + "\n"


def study_cost_table(rows: Sequence[StudyRow]) -> str:
    """Markdown table with a line for each point of score against computation."""
    lines = [_line(["setting", "sampling", "T'", "GMACs", "score"]), _line(["---"] * 5)]
    lines += [
        _line(
            [
                row.setting,
                row.sampling,
                f"{row.timesteps:g}",
                "" if row.gmacs is None else f"{row.gmacs:.3g}",
                _cell(row),
            ]
        )
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def ratio_table(study: RatioStudy) -> str:
    """Markdown table of the ratio of selected timesteps by class, its variance, scores, and agreement of settings."""
    settings = list(study.variances)
    labels = dict.fromkeys(ratio.label for ratio in study.ratios)
    lines = [_line(["class", *settings]), _line(["---"] * (len(settings) + 1))]
    cells = {(ratio.label, ratio.setting): f"{ratio.mean:.3f} ± {ratio.std:.3f}" for ratio in study.ratios}
    lines += [_line([label, *(cells.get((label, name), "") for name in settings)]) for label in labels]
    lines.append(_line(["variance over classes", *(f"{study.variances[name]:.2e}" for name in settings)]))
    gates = {
        row.setting: f"{_cell(row)} at {row.timesteps:.1f}" for row in study.rows if row.sampling == "gate"
    }
    lines.append(_line(["score of the gate's choice", *(gates.get(name, "") for name in settings)]))
    for other in settings:
        shares = (f"{study.agreements[name, other]:.2f}" for name in settings)
        lines.append(_line([f"agreement with {other} at {study.budget}", *shares]))
    return "\n".join(lines) + "\n"


def write_rows(path: Path, rows: Sequence[object]) -> None:
    """Write rows (dataclasses) as Parquet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(path, pa.Table.from_pylist([asdict(row) for row in rows]))  # pyright: ignore[reportArgumentType]


def _cell(row: StudyRow) -> str:
    published = "" if row.published is None else f" (paper {row.published:.3f})"
    deviation = f" ± {row.std:.3f}" if row.seeds > 1 else ""
    return f"{row.mean:.3f}{deviation}{published}"


def _line(cells: Sequence[str]) -> str:
    # Names of classes and settings may hold what separates cells.
    return "| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in cells) + " |"
