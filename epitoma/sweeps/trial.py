"""Trial: train one config of a sweep on stored features, and measure it at every number of timesteps."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from epitoma.core.budgets import budgets
from epitoma.core.names import escaped
from epitoma.core.sampling import stable_seed, uniform_subset
from epitoma.cost.gmacs import CostModel, NetworksCost
from epitoma.cost.milliseconds import TimeModel
from epitoma.evaluation.budgets import Evaluation
from epitoma.evaluation.tradeoff import TradeoffPoint, find, read_points, write_points
from epitoma.files.atomic import write_text
from epitoma.files.json_files import read_json, write_json
from epitoma.files.presence import is_file
from epitoma.models.videoepitoma import VideoEpitoma
from epitoma.training.checkpoint import State, read_tensors, write_tensors
from epitoma.training.context import TrainContext
from epitoma.training.feature_batches import FeatureSource, FeatureSplit
from epitoma.training.loop import TrainingLoop
from epitoma.training.run_config import TrainConfig

RESULT_FILE = "result.json"
HEAD_FILE = "head.safetensors"
ERROR_FILE = "error.txt"
"""Why a trial failed, in one line, and in a second one the exit code of a job that fails so."""

_EXIT_CODE = re.compile(r"exit code (\d+)")


@dataclass(frozen=True, kw_only=True)
class TrialData:
    """Data shared by all trials of a sweep.

    Attributes:
        splits: Features of ``train``, ``validation`` and ``test`` at the same dense timesteps.
        evidence: Whether each dense timestep shows evidence, by split; None where intervals are unknown.
        each: Cost of the networks a timestep.
        classes: Names of the classes.
        multi_label: Whether videos may have several classes.
        times: Measured times; None where points have no milliseconds.
    """

    splits: Mapping[str, FeatureSplit]
    evidence: Mapping[str, Tensor | None]
    each: NetworksCost
    classes: tuple[str, ...]
    multi_label: bool
    times: TimeModel | None = None


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """Result of a trial.

    Attributes:
        trial: Name of the trial.
        changes: Options that differ from the base config of the sweep.
        points: Tradeoff points, by split.
        videos: Number of validation videos that it was measured on.
        seconds: Time of training and measuring.
    """

    trial: str
    changes: dict[str, Any]
    points: dict[str, list[TradeoffPoint]]
    videos: int
    seconds: float

    @property
    def has_selector(self) -> bool:
        """Whether the trial trained a selector, not only a classifier."""
        return any(point.sampling == "gate" for point in self.points["validation"])

    @property
    def own(self) -> TradeoffPoint:
        """Point on validation at which the gates themselves choose among all candidates."""
        return find(self.points["validation"], "gate")


@dataclass(frozen=True)
class TrialError:
    """Why a trial failed.

    Attributes:
        reason: In one line.
        exit_code: That of a job that fails so (``core/errors.py``); None in sweeps of earlier versions.
    """

    reason: str
    exit_code: int | None


def train_head(config: TrainConfig, data: TrialData, context: TrainContext) -> VideoEpitoma:
    """Train selector and classifier of a config on features, and return those that are best on validation."""
    # A stream of its own, so that the initial weights do not depend on other uses of the run's seed.
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
    """Build selector and classifier of a config with initial weights."""
    return VideoEpitoma(
        config.head,
        light_channels=data.each.light_channels,
        heavy_channels=data.each.heavy_channels,
        classes=len(data.classes),
    )


def measure_head(
    model: VideoEpitoma, config: TrainConfig, data: TrialData, split: str
) -> list[TradeoffPoint]:
    """Measure a model at all budgets among all numbers of candidates, and with uniform sampling.

    Keeping all of fewer candidates is left out: it is uniform sampling with the cost of LightNet added for nothing.
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
    """Write a trial's result; ``result.json`` is written last, so a result that has it is complete."""
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
    """Whether the folder holds a complete result."""
    return is_file(folder / RESULT_FILE)


def write_error(folder: Path, error: TrialError) -> None:
    """Write why a trial failed; bytes of names that are not UTF-8 are kept as escapes."""
    code = "" if error.exit_code is None else f"exit code {error.exit_code}\n"
    write_text(folder / ERROR_FILE, f"{escaped(error.reason)}\n{code}")


def read_error(folder: Path) -> TrialError | None:
    """Read what :func:`write_error` wrote, in this version or an earlier one; None if the trial did not fail."""
    file = folder / ERROR_FILE
    if not is_file(file):
        return None
    reason, _, rest = file.read_text().partition("\n")
    found = _EXIT_CODE.fullmatch(rest.strip())
    return TrialError(reason.strip(), int(found[1]) if found else None)


def write_head(folder: Path, state: State) -> None:
    """Write the weights of a trial's selector and classifier, and of its networks where these were trained."""
    write_tensors(folder / HEAD_FILE, state)


def read_head(folder: Path) -> State:
    """Read what :func:`write_head` wrote."""
    return read_tensors(folder / HEAD_FILE)


def evaluation_of(model: VideoEpitoma, config: TrainConfig, data: TrialData, split: str) -> Evaluation:
    """Evaluation of a split at the config's T candidates, uniform among the dense timesteps."""
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
