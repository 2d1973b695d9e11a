"""Table 2, figures 4 and 7: ways to choose timesteps, how many, and with which HeavyNet."""

from collections.abc import Sequence

from epitoma.studies.measured_run import MeasuredRun
from epitoma.studies.rows import StudyRow, grouped, study_rows


def table2(runs: Sequence[MeasuredRun]) -> list[StudyRow]:
    """Every sampling at every number of timesteps with every HeavyNet; figure 4 draws the same.

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
    """Score against computation of every HeavyNet, with the selector and without it.

    Raises:
        RunError: The runs are of several datasets.
    """
    return [
        row
        for heavy, each in grouped(runs, lambda run: run.heavy).items()
        for row in study_rows("figure7", heavy, each, samplings=("selector", "uniform"))
    ]
