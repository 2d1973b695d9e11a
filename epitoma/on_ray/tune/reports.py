"""What trials report to Tune: scores and costs of validated epochs, and of the finished trial."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray.tune
import torch
from ray.tune.integration.ray_train import TuneReportCallback

from epitoma.cost.gmacs import CostModel
from epitoma.sweeps.trial import TrialResult
from epitoma.training.context import LocalContext
from epitoma.training.events import EpochDone, Event
from epitoma.training.history import SCORE

COST = "gmacs"


class TuneContext(LocalContext):
    """TrainContext of a trial from features: reports validated epochs to Tune."""

    def __init__(self, folder: Path, *, device: torch.device, cost: CostModel) -> None:
        super().__init__(folder, device=device)
        self.cost = cost

    def emit(self, event: Event) -> None:
        """Report an epoch if it was validated."""
        if isinstance(event, EpochDone) and SCORE in event.metrics:
            kept = max(1, round(event.metrics["validation/timesteps"]))
            ray.tune.report({**event.metrics, "epoch": event.epoch, COST: self.cost.at(kept).total})


class ValidatedReports(TuneReportCallback):
    """Ray Train callback of a trial from pixels: reports validated epochs to Tune, with their cost.

    Args:
        gmacs: GMACs of a video with 1, 2, ... kept timesteps.
    """

    def __init__(self, gmacs: list[float]) -> None:
        super().__init__()
        self.gmacs = gmacs

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        """Report if the first worker's metrics have a score."""
        first = metrics[0]
        if SCORE in first:
            kept = max(1, round(first["validation/timesteps"]))
            super().after_report(run_context, [{**first, COST: self.gmacs[kept - 1]}], checkpoint)


def report_result(result: TrialResult) -> None:
    """Report the trial's result to Tune, and so to Optuna."""
    own = result.own
    ray.tune.report(
        {
            SCORE: own.score,
            COST: own.gmacs,
            "validation/timesteps": own.timesteps,
            "seconds": result.seconds,
            "changes": asdict(result)["changes"],
        }
    )
