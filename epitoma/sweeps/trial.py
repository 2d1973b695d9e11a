"""One trial of a sweep, from stored features: trained, then measured at every tradeoff it offers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from epitoma.core.budgets import budgets
from epitoma.core.sampling import stable_seed, uniform_subset
from epitoma.cost.gmacs import CostModel, NetworksCost
from epitoma.cost.milliseconds import TimeModel
from epitoma.evaluation.budgets import Evaluation
from epitoma.evaluation.tradeoff import TradeoffPoint, find, read_points, write_points
from epitoma.files.json_files import read_json, write_json
from epitoma.models.videoepitoma import VideoEpitoma
from epitoma.training.checkpoint import State, read_tensors, write_tensors
from epitoma.training.context import TrainContext
from epitoma.training.feature_batches import FeatureSource, FeatureSplit
from epitoma.training.loop import TrainingLoop
from epitoma.training.run_config import TrainConfig

RESULT_FILE = "result.json"
HEAD_FILE = "head.safetensors"


@dataclass(frozen=True, kw_only=True)
class TrialData:
    """What every trial of a sweep shares.

    Attributes:
        splits: Features of ``train``, ``validation`` and ``test`` at the same dense timesteps.
        evidence: Whether each dense timestep shows evidence, by split; None where intervals are unknown.
        each: Cost of the networks a timestep.
        times: Measured times; None where points are not to tell any.
        classes: Names of the classes.
        multi_label: Whether videos may have several.
    """

    splits: Mapping[str, FeatureSplit]
    evidence: Mapping[str, Tensor | None]
    each: NetworksCost
    classes: tuple[str, ...]
    multi_label: bool
    times: TimeModel | None = None


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What a trial came to.

    Attributes:
        trial: Its name.
        changes: What it changed in the sweep's base config.
        points: Its tradeoffs, by split.
        videos: On how many validation videos it was measured.
        seconds: How long training and measuring took.
    """

    trial: str
    changes: dict[str, Any]
    points: dict[str, list[TradeoffPoint]]
    videos: int
    seconds: float

    @property
    def has_selector(self) -> bool:
        """Whether a selector was trained, and not a classifier for uniform sampling alone."""
        return any(point.sampling == "gate" for point in self.points["validation"])

    @property
    def own(self) -> TradeoffPoint:
        """The tradeoff that the trial was trained for, on validation: what its gates keep of all candidates."""
        return find(self.points["validation"], "gate")


def train_head(config: TrainConfig, data: TrialData, context: TrainContext) -> VideoEpitoma:
    """Selector and classifier of a config, trained on features; the best on validation."""
    torch.manual_seed(stable_seed(config.seed, "weights"))
    model = untrained_head(config, data)
    if config.selection != "learnt":
        model.selector.requires_grad_(False)
    source = FeatureSource(config, data.splits["train"], data.splits["validation"], context)
    loop = TrainingLoop(model, config.loop(multi_label=data.multi_label), context, source)
    loop.run()
    model.load_state_dict(loop.best)
    return model.cpu().eval()


def untrained_head(config: TrainConfig, data: TrialData) -> VideoEpitoma:
    """Selector and classifier of a config as they begin."""
    return VideoEpitoma(
        config.head,
        light_channels=data.each.light_channels,
        heavy_channels=data.each.heavy_channels,
        classes=len(data.classes),
    )


def measure_head(
    model: VideoEpitoma, config: TrainConfig, data: TrialData, split: str
) -> list[TradeoffPoint]:
    """Every tradeoff a model offers: all budgets among all numbers of candidates, and uniform sampling beside them.

    Keeping all of fewer candidates is uniform sampling that LightNet looks at in vain, and left out.
    """
    everything = evaluation_of(model, config, data, split)
    uniform = everything.uniform_points(model, "own" if config.selection == "learnt" else "reference")
    if config.selection != "learnt":
        return uniform
    points = everything.selector_points(model)
    for candidates in budgets(config.timesteps)[1:-1]:
        points += everything.among(candidates).budget_points(model, budgets(candidates)[:-1])
    return [*points, *uniform]


def write_result(folder: Path, result: TrialResult) -> None:
    """Write a trial's result; the last file makes it whole."""
    for split, points in result.points.items():
        write_points(folder / f"{split}.parquet", points)
    values = {name: getattr(result, name) for name in ("trial", "changes", "videos", "seconds")}
    write_json(folder / RESULT_FILE, {**values, "splits": sorted(result.points)})


def read_result(folder: Path) -> TrialResult:
    """Read what :func:`write_result` wrote.

    Raises:
        RunError: The trial has no result.
    """
    values = read_json(folder / RESULT_FILE)
    points = {split: read_points(folder / f"{split}.parquet") for split in values.pop("splits")}
    return TrialResult(**values, points=points)


def has_result(folder: Path) -> bool:
    """Whether a trial has been measured."""
    return (folder / RESULT_FILE).is_file()


def write_head(folder: Path, state: State) -> None:
    """Keep a trial's selector and classifier, and its networks where those were trained."""
    write_tensors(folder / HEAD_FILE, state)


def read_head(folder: Path) -> State:
    """Read what :func:`write_head` wrote."""
    return read_tensors(folder / HEAD_FILE)


def evaluation_of(model: VideoEpitoma, config: TrainConfig, data: TrialData, split: str) -> Evaluation:
    """The split at the config's T candidates, uniform among the dense timesteps."""
    features, evidence_VD = data.splits[split], data.evidence[split]
    places = torch.from_numpy(uniform_subset(config.dense, config.timesteps))
    return Evaluation(
        split=features.at(places),
        evidence_VT=None if evidence_VD is None else evidence_VD[:, places],
        cost=CostModel(model, data.each, candidates=config.timesteps),
        multi_label=data.multi_label,
        seed=config.seed,
        times=data.times,
    )
