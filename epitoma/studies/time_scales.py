"""Figure 8: how the score grows with the timesteps that are looked at, the time scale."""

from collections.abc import Sequence
from dataclasses import replace

from epitoma.core.errors import RunError
from epitoma.studies.measured_run import MeasuredRun
from epitoma.studies.rows import StudyRow, study_rows

KEPT_SHARE = 2
"""The selector keeps one in so many of a time scale's timesteps, as the paper's keeps half."""


def figure8(runs: Sequence[MeasuredRun]) -> list[StudyRow]:
    """At every time scale that was evaluated: half of its timesteps, selected and uniform, and all of them.

    Raises:
        RunError: No time scale but the runs' own has been evaluated, or the runs are of several datasets.
    """
    scales = sorted({scale for run in runs for scale in run.among})
    if not scales:
        raise RunError(
            f"{runs[0].name} has been evaluated among {runs[0].timesteps} timesteps only: "
            "evaluate it with --candidates as well"
        )
    rows = [
        _rows([replace(run, points={"test": run.among[k]}) for run in runs if k in run.among], k)
        for k in scales
    ]
    own = [_rows([run for run in runs if run.timesteps == k], k) for k in {run.timesteps for run in runs}]
    return sorted((row for each in (*rows, *own) for row in each), key=lambda row: int(row.setting))


def _rows(runs: Sequence[MeasuredRun], scale: int) -> list[StudyRow]:
    rows = study_rows("figure8", str(scale), runs, samplings=("selector", "uniform", "dense"))
    half = max(1, scale // KEPT_SHARE)
    return [row for row in rows if row.sampling == "dense" or row.timesteps == half]
