"""Figure 8: score against the time scale, the number of candidate timesteps."""

from collections.abc import Sequence
from dataclasses import replace

from epitoma.core.errors import RunError
from epitoma.studies.measured_run import MeasuredRun
from epitoma.studies.rows import StudyRow, study_rows

KEPT_SHARE = 2
"""The selector keeps one in this many candidates: half of them, as in the paper."""


def figure8(runs: Sequence[MeasuredRun]) -> list[StudyRow]:
    """Scores at every evaluated time scale: half of its timesteps, selected or uniform, and all of them.

    Raises:
        RunError: Only the runs' own time scale has been evaluated, or the runs are of several datasets.
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
