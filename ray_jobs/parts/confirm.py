"""Confirm a sweep from features: train its best trials end to end from pixels, and compare the rankings."""

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
from epitoma.tracking.run_tracker import RunTracker
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.sweep_watcher import trial_config

CONFIRM_JSON = "confirm.json"

TrainAgain = Callable[[TrainConfig, int | None], list[TradeoffPoint]]
"""Trains a run, unless it is finished, and evaluates it on validation with that many candidates (None: its own)."""


def confirm(
    folder: Path,
    result: SweepResult,
    tracker: RunTracker,
    *,
    train_again: TrainAgain,
    count: int,
    epochs: int | None,
) -> dict[str, Any]:
    """Train the front's best trials from pixels, and compare score and cost with those from features.

    Args:
        folder: Folder of the sweep; the new runs lie beside it, and are nested in it in MLflow.
        result: Result of the sweep.
        tracker: Tracker of the sweep's MLflow run.
        train_again: Trains and evaluates a trial's config.
        count: Number of trials to confirm.
        epochs: Epochs of each; None uses the trial's own number.

    Returns:
        ``trials``, a row for each trial, and ``rank_correlation``, None with fewer than two different scores.
    """
    rows = []
    for trial, cheap in best_points(result, count).items():
        config = confirmed_config(folder, trial, epochs=epochs)
        rows.append(_row(trial, cheap, _again(config, cheap, train_again)))
        scores = f"{rows[-1]['features_score']:.3f} from features, {rows[-1]['pixels_score']:.3f} from pixels"
        say(f"  confirmed {trial}: {scores}")
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
    """Best trials, each with its tradeoff point on validation.

    The knee of the front comes first, then the rest of the front by score, then other trials by their own score.
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
    """A trial's config, changed to train from pixels, both networks included at the rate that it has for them."""
    place = folder / TRIALS / trial
    config = from_dict(TrainConfig, trial_config(place), source=str(place))
    optimisation = replace(config.optimisation, epochs=epochs or config.optimisation.epochs)
    return replace(
        config,
        name=f"{folder.name}_confirm_{trial}",
        runs=folder.parent,
        source="pixels",
        optimisation=optimisation,
    )


def rank_correlation(rows: list[dict[str, Any]]) -> float | None:
    """Spearman's correlation of the scores from features and from pixels; None where all of either are equal."""
    # Imported here: it takes over a second, and only sweeps that confirm trials need it.
    from torchmetrics.functional import spearman_corrcoef

    cheap = torch.tensor([row["features_score"] for row in rows])
    dear = torch.tensor([row["pixels_score"] for row in rows])
    if len(cheap.unique()) < 2 or len(dear.unique()) < 2:
        return None
    return float(spearman_corrcoef(dear, cheap))


def _again(config: TrainConfig, cheap: TradeoffPoint, train_again: TrainAgain) -> TradeoffPoint:
    """Train from pixels, and give the point of the same sampling and budget as the trial's."""
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
