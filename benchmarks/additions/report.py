"""What was measured, as Markdown tables: every variant, and which additions are ahead of the paper's model."""

from collections.abc import Mapping, Sequence
from statistics import mean

from benchmarks.additions.measure import GATE, KEPT, Row
from benchmarks.paired import mean_and_error, with_error

JUDGED = (4, 8, 16)
"""Numbers of timesteps over whose mean an addition is judged: enough to be right, few enough to save."""

COMPANY = "all_but_"
"""Beginning of the names of variants that have all additions but one."""

SIGMAS = 2
"""Standard errors by which an addition must be ahead on validation, alone or in company, or it is removed."""

Gain = tuple[float, float] | None
"""Mean of paired differences and its standard error; None where nothing was measured."""


def gain(rows: Sequence[Row], kind: str, model: str, *, above: str) -> Gain:
    """By how much a model is ahead of another on validation, in the mean over ``JUDGED``.

    Paired over seeds, and over folds of one kind of dataset.
    """
    differences = _differences(rows, kind, model, above)
    return mean_and_error(differences) if differences else None


def verdicts(rows: Sequence[Row]) -> str:
    """A line for each addition: what it gives alone, on the paper's model, and in company, beside all others."""
    kinds = list(dict.fromkeys(map(_kind, rows)))
    header = [*(f"{kind}, alone" for kind in kinds), *(f"{kind}, in company" for kind in kinds), "ahead"]
    lines = [f"| addition | {' | '.join(header)} |", f"|---|{'---:|' * 2 * len(kinds)}---|"]
    for name in dict.fromkeys(row.model.removeprefix(COMPANY) for row in rows if row.model != "paper"):
        gains = [gain(rows, kind, name, above="paper") for kind in kinds]
        gains += [gain(rows, kind, "all", above=f"{COMPANY}{name}") for kind in kinds]
        is_ahead = any(each is not None and each[0] > SIGMAS * each[1] for each in gains)
        cells = [_cell(each) for each in gains]
        lines.append(f"| {name} | {' | '.join(cells)} | {'yes' if is_ahead else 'no'} |")
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


def on_test(rows: Sequence[Row], names: Mapping[str, str]) -> str:
    """A line for each dataset and variant: test accuracy at each number of timesteps, over seeds."""
    header = " | ".join(f"T' = {kept}" for kept in KEPT)
    lines = [f"| dataset | selector | {header} |", f"|---|---|{'---:|' * len(KEPT)}"]
    for dataset in dict.fromkeys(row.dataset for row in rows):
        for model, name in names.items():
            found = {row.timesteps: row for row in rows if (row.dataset, row.model) == (dataset, model)}
            cells = [f"{found[kept].mean:.3f} ± {found[kept].std:.3f}" for kept in KEPT]
            lines.append(f"| {dataset} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(gain: Gain) -> str:
    return "" if gain is None else with_error(*gain)


def _differences(rows: Sequence[Row], kind: str, model: str, above: str) -> list[float]:
    """Differences of every seed of every dataset that both models were measured on, in as many seeds."""
    datasets = dict.fromkeys(row.dataset for row in rows if _kind(row) == kind)
    pairs = [tuple(_by_seed(rows, dataset, each) for each in (model, above)) for dataset in datasets]
    return [
        mine - theirs
        for one, other in pairs
        if one and other
        for mine, theirs in zip(one, other, strict=True)
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
