"""What is wanted on footage is judged by the numbers, seed by seed."""

import pytest

from benchmarks.selectors.measure import Row
from benchmarks.selectors.wanted import wanted

EVERY = 128
BEST = {("jhmdb", "peer"): 0.60, ("breakfast_structure", "peer"): 0.70}
DENSE = {"jhmdb": 0.58, "breakfast_structure": 0.75}


def row(dataset: str, selector: str, timesteps: int, mean: float) -> Row:
    by_seed = {seed: mean + 0.1 * (seed - 1) for seed in range(3)}
    return Row(
        dataset=dataset,
        selector=selector,
        timesteps=timesteps,
        kept=timesteps,
        mean=mean,
        std=0.1,
        seeds=3,
        settings={},
        looks=True,
        by_seed=by_seed,
    )


def rows_with(ours: float, *, told: float = 0.74) -> list[Row]:
    """Ours ahead of the best peer by so much everywhere."""
    found = [row(dataset, "dense", EVERY, mean) for dataset, mean in DENSE.items()]
    found += [row("jhmdb", "oracle", 8, told)]
    for (dataset, _), mean in BEST.items():
        for timesteps in (4, 8, 16, 32):
            found += [row(dataset, "peer", timesteps, mean), row(dataset, "weak", timesteps, mean - 0.2)]
            found += [
                row(dataset, "ours", timesteps, mean + ours),
                row(dataset, "ours_gate", timesteps, 0.99),
            ]
    return found


def holds(rows: list[Row]) -> list[bool]:
    return [claim.holds for claim in wanted(rows, ours="ours")]


def test_all_holds_where_ours_is_well_ahead_and_nothing_where_it_is_behind():
    assert holds(rows_with(0.06)) == [True] * 11
    assert holds(rows_with(-0.01)) == [False] * 6 + [False] * 5


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        (rows_with(0.01), [False, False, False, False, False]),
        (rows_with(0.03), [True, True, True, True, False]),
        (rows_with(0.031, told=0.9), [True, False, True, True, False]),
    ],
)
def test_each_line_is_judged_by_its_own_measure(rows, last):
    assert holds(rows) == [True] * 6 + last


def test_the_numbers_are_told_with_the_error_of_paired_differences():
    first = wanted(rows_with(0.03), ours="ours")[0]
    assert first.told == "0.630; peer 0.600; +0.030 +- 0.000"
