"""Table 2, figures 4 and 7, and the off-the-shelf study: samplings at every budget, for every HeavyNet."""

from collections.abc import Sequence
from dataclasses import replace

from epitoma.core.errors import RunError
from epitoma.studies.measured_run import MeasuredRun
from epitoma.studies.rows import StudyRow, grouped, study_rows


def table2(runs: Sequence[MeasuredRun]) -> list[StudyRow]:
    """Score of every sampling at every budget with every HeavyNet; figure 4 draws the same.

    Raises:
        RunError: The runs are of several datasets.
    """
    return [
        row
        for heavy, each in grouped(runs, lambda run: run.heavy).items()
        for row in study_rows(
            "table2", heavy, each, samplings=("selector", "gate", "uniform", "random", "dense")
        )
    ]


def figure7(runs: Sequence[MeasuredRun]) -> list[StudyRow]:
    """Score against computation of every HeavyNet, with the selector and with uniform sampling.

    Raises:
        RunError: The runs are of several datasets.
    """
    return [
        row
        for heavy, each in grouped(runs, lambda run: run.heavy).items()
        for row in study_rows("figure7", heavy, each, samplings=("selector", "uniform"))
    ]


def off_the_shelf(runs: Sequence[MeasuredRun]) -> list[StudyRow]:
    """Selectors in front of classifiers that were trained without them (paper section 4.2), and uniform sampling.

    Raises:
        RunError: No run was evaluated with the selector of another, or the runs are of several datasets.
    """
    served = [
        replace(run, points=points)
        for run in runs
        for points in run.off_the_shelf.values()
        if "test" in points
    ]
    if not served:
        raise RunError(f"{runs[0].name} has not been evaluated with another run's selector: --selector-from")
    return [
        row
        for heavy, each in grouped(served, lambda run: run.heavy).items()
        for row in study_rows(
            "off_the_shelf", heavy, each, samplings=("selector", "gate", "uniform", "dense")
        )
    ]
