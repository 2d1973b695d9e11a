"""Reports: what a model saw, what it costs, the paper's studies, what a sweep found, what MLflow has not heard yet."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from epitoma.reporting.console import say
from epitoma.tracking.address import check_store, store_uri
from epitoma.tracking.lifecycle import send_the_rest
from ray_jobs.parts.command_line import run_job
from ray_jobs.parts.cost_reports import CostConfig, Table1Config
from ray_jobs.parts.explain_report import ExplainConfig
from ray_jobs.parts.front_report import FrontConfig
from ray_jobs.parts.study_reports import (
    AblationConfig,
    Figure4Config,
    Figure5Config,
    Figure6Config,
    Figure7Config,
    Figure8Config,
    OffTheShelfConfig,
    Table2Config,
)


@dataclass(kw_only=True)
class SyncConfig:
    """Send to MLflow the records of a run, or of a sweep and its trials, that it has not received, as it was down.

    Attributes:
        run: Folder of the run or sweep.
    """

    run: Path

    def report(self) -> None:
        """Send the records, and print how many there were."""
        check_store(self.run.parent)
        records = send_the_rest(self.run)
        say(f"{records} records sent to {store_uri(self.run.parent)}")


ReportConfig = (
    Annotated[Table1Config, tyro.conf.subcommand("table1")]
    | Annotated[Table2Config, tyro.conf.subcommand("table2")]
    | Annotated[Figure4Config, tyro.conf.subcommand("figure4")]
    | Annotated[Figure5Config, tyro.conf.subcommand("figure5")]
    | Annotated[Figure6Config, tyro.conf.subcommand("figure6")]
    | Annotated[Figure7Config, tyro.conf.subcommand("figure7")]
    | Annotated[Figure8Config, tyro.conf.subcommand("figure8")]
    | Annotated[OffTheShelfConfig, tyro.conf.subcommand("off_the_shelf")]
    | Annotated[AblationConfig, tyro.conf.subcommand("ablation")]
    | Annotated[CostConfig, tyro.conf.subcommand("cost")]
    | Annotated[FrontConfig, tyro.conf.subcommand("front")]
    | Annotated[ExplainConfig, tyro.conf.subcommand("explain")]
    | Annotated[SyncConfig, tyro.conf.subcommand("sync")]
)
"""One subcommand per report; each config has a method `report`."""


def report(config: ReportConfig) -> None:
    """Make the requested report."""
    config.report()


def main() -> None:
    """Run the command."""
    run_job(ReportConfig, report, about=__doc__)


if __name__ == "__main__":
    main()
