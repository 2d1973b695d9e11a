"""Reports: what recognition costs, what a sweep found, and what MLflow has not heard yet."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from epitoma.console import say
from epitoma.tracking import store_uri, tell_the_rest
from ray_jobs.command_line import run_job
from ray_jobs.cost_reports import CostConfig, Table1Config
from ray_jobs.front_report import FrontConfig


@dataclass(kw_only=True)
class SyncConfig:
    """Send MLflow what it has not heard of a run, or of a sweep and its trials, because it was down.

    Attributes:
        run: Folder of the run or sweep.
    """

    run: Path

    def report(self) -> None:
        """Send, and say how much that was."""
        records = tell_the_rest(self.run)
        say(f"{records} records sent to {store_uri(self.run.parent)}")


ReportConfig = (
    Annotated[Table1Config, tyro.conf.subcommand("table1")]
    | Annotated[CostConfig, tyro.conf.subcommand("cost")]
    | Annotated[FrontConfig, tyro.conf.subcommand("front")]
    | Annotated[SyncConfig, tyro.conf.subcommand("sync")]
)
"""A subcommand each; every one can `report`."""


def report(config: ReportConfig) -> None:
    """Make the report that was asked for."""
    config.report()


if __name__ == "__main__":
    run_job(ReportConfig, report, about=__doc__)
