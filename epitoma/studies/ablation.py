"""Ablation: what each part of the gate is good for, by runs that differ in it."""

import json
import re
from collections.abc import Sequence

from epitoma.studies.measured_run import MeasuredRun
from epitoma.studies.rows import StudyRow, grouped, study_rows

LAST_NUMBER = re.compile(r"[_\- ]*(seed[_\- ]*)?\d+$")


def ablation(runs: Sequence[MeasuredRun]) -> list[StudyRow]:
    """A setting for all runs that differ by their seed alone, called by their names without the last number.

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
    """A run's name without the number of its seed at the end."""
    return LAST_NUMBER.sub("", run) or run
