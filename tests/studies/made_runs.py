"""Run folders as training and evaluation leave them, with made-up numbers."""

from collections.abc import Sequence
from pathlib import Path

import torch

from epitoma.core.config import to_dict
from epitoma.evaluation.choices import CHOICES_FILE, Choices, write_choices
from epitoma.evaluation.tradeoff import ClassifierName, SamplingName, TradeoffPoint, write_points
from epitoma.files.json_files import write_json
from epitoma.training.run_config import TrainConfig

TIMESTEPS = 16
CLASSES = ("bake", "brew", "carve")


def point(
    sampling: SamplingName,
    budget: int,
    score: float,
    *,
    classifier: ClassifierName = "own",
    candidates: int = TIMESTEPS,
) -> TradeoffPoint:
    return TradeoffPoint(
        sampling=sampling,
        classifier=classifier,
        candidates=candidates,
        budget=budget,
        timesteps=float(budget),
        score=score,
        gmacs_light=0.1,
        gmacs_heavy=0.2 * budget,
        gmacs_classifier=0.01,
        selection_precision=None,
    )


def made_choices(alpha_VT: torch.Tensor, *, kept: int = 4, classes: Sequence[str] = CLASSES) -> Choices:
    best = alpha_VT.topk(kept, dim=1).indices
    return Choices(
        video_ids=[f"v{number}" for number in range(len(alpha_VT))],
        labels=[[classes[number % len(classes)]] for number in range(len(alpha_VT))],
        alpha_VT=alpha_VT,
        open_VT=torch.zeros_like(alpha_VT, dtype=torch.bool).scatter(1, best, True),
    )


def write_run(
    config: TrainConfig,
    points: dict[str, Sequence[TradeoffPoint]],
    *,
    choices: Choices | None = None,
    classes: tuple[str, ...] = CLASSES,
) -> Path:
    """The files of a run that studies read; the keys of ``points`` are what comes after ``evaluation_``."""
    model = config.model(classes=classes, multi_label=False)
    write_json(config.folder / "config.json", to_dict(config))
    write_json(config.folder / "model" / "config.json", to_dict(model))
    for name, each in points.items():
        write_points(config.folder / f"evaluation_{name}" / "tradeoff.parquet", each)
    if choices is not None:
        write_choices(config.folder / "evaluation_test" / CHOICES_FILE, choices)
    return config.folder
