"""Train the best of a cheap sweep again, end to end from pixels, and say how well the cheap ranking held."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torchmetrics.functional import spearman_corrcoef

from epitoma.config import from_dict
from epitoma.console import say
from epitoma.sweep_result import Choice, SweepResult
from epitoma.tracking import RunTracker
from epitoma.tradeoff import TradeoffPoint, find
from epitoma.training.checkpoint import write_json
from epitoma.training.run_config import TrainConfig
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.runs import CONFIG, MODEL
from ray_jobs.train import train

CONFIRM_JSON = "confirm.json"


def confirm(
    folder: Path,
    base: TrainConfig,
    result: SweepResult,
    tracker: RunTracker,
    *,
    count: int,
    epochs: int | None,
) -> dict[str, Any]:
    """Train the front's best trials from pixels, and compare what they keep to what the sweep promised.

    Args:
        folder: Of the sweep; the runs lie beside it, and in the same MLflow store.
        base: The config that trials changed.
        result: The sweep.
        tracker: Of the sweep.
        count: How many trials.
        epochs: Of each; None is the trial's own number.

    Returns:
        A row for each trial, and the rank correlation; it needs two trials and is None with fewer.
    """
    rows = []
    for trial in best_trials(result, count):
        config = confirmed_config(folder, trial, epochs=epochs)
        if not (config.folder / MODEL).is_dir():
            train(replace(config, resume=(config.folder / CONFIG).is_file()))
        points = evaluate(
            EvaluateConfig(run=config.folder, manifest=base.manifest, split="validation", quiet=True)
        )
        rows.append(_row(trial, next(t.own for t in result.trials if t.trial == trial), find(points, "gate")))
        cheap, dear = rows[-1]["features_score"], rows[-1]["pixels_score"]
        say(f"  confirmed {trial}: {cheap:.3f} from features, {dear:.3f} from pixels")
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


def best_trials(result: SweepResult, count: int) -> list[str]:
    """Trials of the front, the knee's first, then by score; then others by the score of their own tradeoff."""
    front: list[Choice] = [offer.of for offer in reversed(result.front())]
    others = sorted(result.trials, key=lambda trial: -trial.own.score)
    names = [result.best.trial, *(choice.trial for choice in front), *(trial.trial for trial in others)]
    return list(dict.fromkeys(names))[:count]


def confirmed_config(folder: Path, trial: str, *, epochs: int | None) -> TrainConfig:
    """A trial's config, from pixels and with both networks trained."""
    file = folder / "trials" / trial / CONFIG
    config = from_dict(TrainConfig, json.loads(file.read_text()), source=str(file))
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
    cheap = torch.tensor([row["features_score"] for row in rows])
    dear = torch.tensor([row["pixels_score"] for row in rows])
    if len(cheap.unique()) < 2 or len(dear.unique()) < 2:
        return None
    return float(spearman_corrcoef(dear, cheap))


def _row(trial: str, cheap: TradeoffPoint, dear: TradeoffPoint) -> dict[str, Any]:
    return {
        "trial": trial,
        "features_score": cheap.score,
        "features_timesteps": cheap.timesteps,
        "features_gmacs": cheap.gmacs,
        "pixels_score": dear.score,
        "pixels_timesteps": dear.timesteps,
        "pixels_gmacs": dear.gmacs,
    }
