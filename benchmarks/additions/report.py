"""What was measured, as Markdown tables: every variant, and which additions are ahead of the paper's model."""

from collections.abc import Sequence
from statistics import mean

from benchmarks.additions.measure import GATE, KEPT, Row
from benchmarks.paired import mean_and_error

JUDGED = (4, 8, 16)
"""Numbers of timesteps over whose mean an addition is judged: enough to be right, few enough to save."""

SIGMAS = 2
"""Standard errors by which an addition must be ahead on validation, on either kind of dataset, or it is removed."""


def gains(rows: Sequence[Row], kind: str) -> dict[str, tuple[float, float]]:
    """By how much each variant is ahead of the paper's model on validation, and the standard error.

    In the mean over ``JUDGED``, paired over seeds, and over folds of one kind of dataset.
    """
    return {
        model: mean_and_error(_differences(rows, kind, model))
        for model in dict.fromkeys(row.model for row in rows if _kind(row) == kind)
        if model != "paper"
    }


def verdicts(rows: Sequence[Row]) -> str:
    """A line for each variant: how far it is ahead on each kind of dataset."""
    kinds = list(dict.fromkeys(map(_kind, rows)))
    found = {kind: gains(rows, kind) for kind in kinds}
    lines = [
        f"| on top of the paper's model | {' | '.join(kinds)} | ahead |",
        f"|---|{'---:|' * len(kinds)}---|",
    ]
    for model in dict.fromkeys(model for each in found.values() for model in each):
        of_kinds = [found[kind].get(model) for kind in kinds]
        cells = ["" if each is None else f"{each[0]:+.3f} +- {each[1]:.3f}" for each in of_kinds]
        is_ahead = any(each is not None and each[0] > SIGMAS * each[1] for each in of_kinds)
        lines.append(f"| {model} | {' | '.join(cells)} | {'yes' if is_ahead else 'no'} |")
    return "\n".join(lines)


def markdown(rows: Sequence[Row], dataset: str) -> str:
    """A line for each variant of a dataset: test accuracy, and validation against the paper's model."""
    of_dataset = [row for row in rows if row.dataset == dataset]
    judged = " / ".join(map(str, JUDGED))
    header = [f"T' = {kept}" for kept in KEPT] + ["gates", "kept", f"ahead of the paper at {judged}"]
    lines = [f"| {dataset} | {' | '.join(header)} |", f"|---{'|---:' * len(header)}|"]
    for name in dict.fromkeys(row.model for row in of_dataset):
        by_kept = {row.timesteps: row for row in of_dataset if row.model == name}
        cells = [f"{by_kept[kept].mean:.3f}" for kept in (*KEPT, GATE)]
        ahead = [f"{by_kept[kept].ahead:+.3f} +- {by_kept[kept].ahead_error:.3f}" for kept in JUDGED]
        lines.append(f"| {name} | {' | '.join([*cells, f'{by_kept[GATE].kept:.1f}', ', '.join(ahead)])} |")
    return "\n".join(lines)


def _differences(rows: Sequence[Row], kind: str, model: str) -> list[float]:
    datasets = dict.fromkeys(row.dataset for row in rows if row.model == model and _kind(row) == kind)
    return [
        theirs - papers
        for dataset in datasets
        for theirs, papers in zip(*(_by_seed(rows, dataset, each) for each in (model, "paper")), strict=True)
    ]


def _by_seed(rows: Sequence[Row], dataset: str, model: str) -> list[float]:
    found = [
        row.validation_by_seed
        for row in rows
        if (row.dataset, row.model) == (dataset, model) and row.timesteps in JUDGED
    ]
    return [mean(values) for values in zip(*found, strict=True)]


def _kind(row: Row) -> str:
    """Name of the row's dataset, without the number of a fold."""
    return row.dataset.partition("_fold")[0]
