"""What is wanted of our selector on footage, each line held against what was measured."""

from collections.abc import Iterable, Sequence

from benchmarks.paired import mean_and_error, with_error
from benchmarks.selectors.measure import Row
from benchmarks.studies.claims import Claim

RARE, SHARED = "jhmdb", "breakfast_structure"
"""Footage with a tenth of evidence, and footage in which all is evidence of some class."""

COMPARED = (4, 8, 16)
NO_PEERS = ("oracle", "dense")
"""Ways that no budget compares with a selector: one is told the truth, the other keeps everything."""

MARGIN = 0.02
MARGINS = 4
TOLD_SHARE = 0.85
ABOVE_DENSE = 0.05
DENSE_SHARE = 0.95
QUARTER = 32


def wanted(rows: Sequence[Row], *, ours: str) -> list[Claim]:
    """Everything that is wanted of a way, of these rows.

    Args:
        rows: Of both datasets.
        ours: Name of the way that is ours.
    """
    cells = [
        _against_best_peer(rows, dataset, timesteps, ours)
        for dataset in (RARE, SHARED)
        for timesteps in COMPARED
    ]
    return [*(claim for claim, _ in cells), _margins([ahead for _, ahead in cells]), *_of_shares(rows, ours)]


def _against_best_peer(rows: Sequence[Row], dataset: str, timesteps: int, ours: str) -> tuple[Claim, float]:
    """Against the peer that is best on test at this number of timesteps, and by how much ours is ahead."""
    own = _at(rows, dataset, ours, timesteps)
    peers = [
        row
        for row in rows
        if (row.dataset, row.timesteps) == (dataset, timesteps)
        and row.selector not in NO_PEERS
        and not row.selector.startswith(ours)
    ]
    best = max(peers, key=lambda row: row.mean)
    ahead, told = _ahead(own, best)
    claim = Claim(
        text=f"{dataset}, T' = {timesteps}: at least the best peer",
        holds=ahead >= 0,
        told=f"{own.mean:.3f}; {best.selector} {best.mean:.3f}; {told}",
    )
    return claim, ahead


def _margins(ahead: Sequence[float]) -> Claim:
    count = sum(each >= MARGIN for each in ahead)
    return Claim(
        text=f"{MARGIN} above the best peer in {MARGINS} of {len(ahead)} cells",
        holds=count >= MARGINS,
        told=f"{count} of {len(ahead)}",
    )


def _of_shares(rows: Sequence[Row], ours: str) -> Iterable[Claim]:
    rare, shared = (_at(rows, dataset, ours, 8) for dataset in (RARE, SHARED))
    rare_dense, shared_dense = (_dense(rows, dataset) for dataset in (RARE, SHARED))
    told = _at(rows, RARE, "oracle", 8)
    yield _share(f"{RARE}, T' = 8", "what a classifier told the evidence has", rare, told, TOLD_SHARE)
    yield _difference(f"{RARE}, T' = 8: {ABOVE_DENSE} above all timesteps", rare, rare_dense, ABOVE_DENSE)
    yield _share(f"{SHARED}, T' = 8", "all timesteps", shared, shared_dense, DENSE_SHARE)
    quarter = _at(rows, SHARED, ours, QUARTER)
    yield _difference(f"{SHARED}, a quarter of the timesteps: no worse than all", quarter, shared_dense, 0)


def _share(where: str, of: str, own: Row, other: Row, least: float) -> Claim:
    """That one has at least so much of what the other has."""
    return Claim(
        text=f"{where}: {least:.0%} of {of}",
        holds=own.mean >= least * other.mean,
        told=f"{own.mean:.3f} of {other.mean:.3f}, {own.mean / other.mean:.0%}",
    )


def _difference(text: str, own: Row, other: Row, least: float) -> Claim:
    """That one is ahead of the other by at least so much."""
    ahead, told = _ahead(own, other)
    return Claim(text=text, holds=ahead >= least, told=f"{own.mean:.3f}; {other.mean:.3f}; {told}")


def _ahead(own: Row, other: Row) -> tuple[float, str]:
    """By how much one is ahead under the seeds that both have, and the same with its standard error."""
    shared = sorted(set(own.by_seed) & set(other.by_seed))
    difference, error = mean_and_error([own.by_seed[seed] - other.by_seed[seed] for seed in shared])
    return difference, with_error(difference, error)


def _at(rows: Sequence[Row], dataset: str, selector: str, timesteps: int) -> Row:
    return next(
        row for row in rows if (row.dataset, row.selector, row.timesteps) == (dataset, selector, timesteps)
    )


def _dense(rows: Sequence[Row], dataset: str) -> Row:
    return next(row for row in rows if (row.dataset, row.selector) == (dataset, "dense"))
