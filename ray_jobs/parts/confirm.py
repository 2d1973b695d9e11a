"""Train the best of a cheap sweep again, end to end from pixels, and say how well the cheap ranking held."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from epitoma.core.config import from_dict
from epitoma.evaluation.tradeoff import TradeoffPoint, find
from epitoma.files.json_files import write_json
from epitoma.reporting.console import say
from epitoma.sweeps.result import TRIALS, SweepResult
from epitoma.tracking.mlflow_run import RunTracker
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.sweep_watcher import trial_config

CONFIRM_JSON = "confirm.json"

TrainAgain = Callable[[TrainConfig, int | None], list[TradeoffPoint]]
"""Trains a run, unless it is done, and measures it on validation, among so many candidates if they are not its own."""


def confirm(
    folder: Path,
    result: SweepResult,
    tracker: RunTracker,
    *,
    train_again: TrainAgain,
    count: int,
    epochs: int | None,
) -> dict[str, Any]:
    """Train the front's best from pixels, and compare what they keep to what the sweep promised.

    Args:
        folder: Of the sweep; the runs lie beside it, and are nested in it in MLflow.
        result: The sweep.
        tracker: Of the sweep.
        train_again: Trains and measures a trial's config.
        count: How many trials.
        epochs: Of each; None is the trial's own number.

    Returns:
        A row for each trial, and the rank correlation; it needs two trials and is None with fewer.
    """
    rows = []
    for trial, cheap in best_points(result, count).items():
        config = confirmed_config(folder, trial, epochs=epochs)
        rows.append(_row(trial, cheap, _again(config, cheap, train_again)))
        said = f"{rows[-1]['features_score']:.3f} from features, {rows[-1]['pixels_score']:.3f} from pixels"
        say(f"  confirmed {trial}: {said}")
    outcome = {"rank_correlation": rank_correlation(rows), "trials": rows}
    write_json(folder / CONFIRM_JSON, outcome)
    tracker.artifact(folder / CONFIRM_JSON)
    tracker.table(rows, name="confirmed")
    if outcome["rank_correlation"] is not None:
        tracker.metrics({"confirm/rank_correlation": outcome["rank_correlation"]}, step=0)
        say(
            f"  rank correlation of features and pixels over {len(rows)} trials: {outcome['rank_correlation']:.2f}"
        )
    return outcome


def best_points(result: SweepResult, count: int) -> dict[str, TradeoffPoint]:
    """Trials and the tradeoff each is chosen for, on validation.

    The knee's comes first, then those of the front by score, then others by the score of their own tradeoff.
    """
    front = [result.best, *(offer.of for offer in reversed(result.front()))]
    others = sorted(result.trials, key=lambda trial: -trial.own.score)
    best: dict[str, TradeoffPoint] = {}
    for choice in front:
        best.setdefault(choice.trial, choice.validation)
    for trial in others:
        best.setdefault(trial.trial, trial.own)
    return dict(list(best.items())[:count])


def confirmed_config(folder: Path, trial: str, *, epochs: int | None) -> TrainConfig:
    """A trial's config, from pixels and with both networks trained."""
    place = folder / TRIALS / trial
    config = from_dict(TrainConfig, trial_config(place), source=str(place))
    optimisation = replace(config.optimisation, epochs=epochs or config.optimisation.epochs)
    return replace(
        config,
        name=f"{folder.name}_confirm_{trial}",
        runs=folder.parent,
        source="pixels",
        backbones="finetune",
        optimisation=optimisation,
    )


def rank_correlation(rows: list[dict[str, Any]]) -> float | None:
    """Spearman's, of the scores from features and from pixels; None where all of either are alike."""
    # Imported here, because it takes every sweep over a second that only those that confirm need spend.
    from torchmetrics.functional import spearman_corrcoef

    cheap = torch.tensor([row["features_score"] for row in rows])
    dear = torch.tensor([row["pixels_score"] for row in rows])
    if len(cheap.unique()) < 2 or len(dear.unique()) < 2:
        return None
    return float(spearman_corrcoef(dear, cheap))


def _again(config: TrainConfig, cheap: TradeoffPoint, train_again: TrainAgain) -> TradeoffPoint:
    """The same tradeoff of a run that is trained from pixels."""
    points = train_again(config, None if cheap.candidates == config.timesteps else cheap.candidates)
    return find(points, cheap.sampling, budget=None if cheap.sampling == "gate" else cheap.budget)


def _row(trial: str, cheap: TradeoffPoint, dear: TradeoffPoint) -> dict[str, Any]:
    return {
        "trial": trial,
        "sampling": cheap.sampling,
        "candidates": cheap.candidates,
        "features_score": cheap.score,
        "features_timesteps": cheap.timesteps,
        "features_gmacs": cheap.gmacs,
        "pixels_score": dear.score,
        "pixels_timesteps": dear.timesteps,
        "pixels_gmacs": dear.gmacs,
    }
