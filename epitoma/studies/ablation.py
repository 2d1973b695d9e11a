"""Ablation: compare runs that differ in parts of the gate."""

import json
import re
from collections.abc import Sequence

from epitoma.studies.measured_run import MeasuredRun
from epitoma.studies.rows import StudyRow, grouped, study_rows

LAST_NUMBER = re.compile(r"[_\- ]*(seed[_\- ]*)?\d+$")


def ablation(runs: Sequence[MeasuredRun]) -> list[StudyRow]:
    """Rows of each setting; runs that differ in the seed only are one setting, named without the last number.

    Raises:
        RunError: The runs are of several datasets.
    """
    groups = grouped(runs, lambda run: json.dumps(run.settings, sort_keys=True))
    return [
        row
        for each in groups.values()
        for row in study_rows("ablation", setting_name(each[0].name), each, samplings=("selector", "gate"))
    ]


def setting_name(run: str) -> str:
    """Name of a run without the number of the seed at its end."""
    return LAST_NUMBER.sub("", run) or run
