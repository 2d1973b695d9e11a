"""A trial of a sweep inside Tune: trains and evaluates from features, or from pixels with a TorchTrainer."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import ray
import ray.tune
import torch

from epitoma.core.config import CONFIG_FILE, to_dict
from epitoma.core.errors import BUG, TRY_AGAIN, EpitomaError, last_line
from epitoma.core.system_errors import exit_code_of
from epitoma.cost.gmacs import CostModel
from epitoma.datasets.manifest import Manifest
from epitoma.datasets.rejects import write_rejects
from epitoma.evaluation.budgets import evidence_of
from epitoma.files.json_files import write_json
from epitoma.files.presence import is_there
from epitoma.models.videoepitoma import Networks, VideoEpitoma, build_for_networks
from epitoma.on_ray.cluster.ray_errors import innermost, is_of_ray, own_error
from epitoma.on_ray.cluster.runtime import silence_ray
from epitoma.on_ray.decode.attempts import Attempts
from epitoma.on_ray.predict.features import extract_features
from epitoma.on_ray.train.board import new_board
from epitoma.on_ray.train.fit import Job, fit
from epitoma.on_ray.tune.reports import TuneContext, ValidatedReports, report_result
from epitoma.on_ray.tune.search_space import changed
from epitoma.on_ray.tune.video_watch import VideoWatch
from epitoma.sweeps.trial import (
    ERROR_FILE,
    TrialData,
    TrialError,
    TrialResult,
    has_result,
    measure_head,
    read_error,
    read_result,
    train_head,
    untrained_head,
    write_error,
    write_head,
    write_result,
)
from epitoma.training.checkpoint import State, state_of
from epitoma.training.context import LocalContext
from epitoma.training.feature_batches import feature_split
from epitoma.training.feature_store import read_features
from epitoma.training.run_config import TrainConfig

SPLITS = ("validation", "test")

_PROCESS_DIED = "its process died (see the sweep's logs)"

_BEGUN_FILE = ".begun"
"""In the folder of a trial that has begun and neither ended nor failed: its process runs, or died."""


@dataclass(frozen=True, kw_only=True)
class TrialWork:
    """Everything that a trial needs.

    Attributes:
        base: Config that trials change.
        space: Name of the search space, for errors.
        fixed: Changes that all trials share.
        data: Reference to the :class:`TrialData` in the object store.
        networks: Reference to the networks, for trials from pixels.
        manifest: The dataset.
        folder: Folder of all trials.
        threads: CPU threads of a trial.
        attempts: Gives up videos that end the processes which decode them, for all trials.
    """

    base: TrainConfig
    space: str
    fixed: dict[str, Any]
    data: ray.ObjectRef
    networks: ray.ObjectRef
    manifest: Manifest
    folder: Path
    threads: int
    attempts: Attempts = field(default_factory=Attempts.start)


Trial = Callable[[dict[str, Any], TrialWork], None]


def feature_trial(changes: dict[str, Any], work: TrialWork) -> None:
    """Run a trial from features, in this process."""
    run_one(run_on_features, changes, work)


def run_on_features(work: TrialWork, name: str, changes: dict[str, Any], *, started: float) -> TrialResult:
    """Train and evaluate from features, and write the result into the trial's folder."""
    config = replace(changed(work.base, changes, source=work.space), name=name)
    data = trial_data(work.data)
    folder = work.folder / name
    write_json(folder / CONFIG_FILE, to_dict(config))
    context = _context(folder / "checkpoint", config, data)
    model = train_head(config, data, context)
    write_head(folder, state_of(model))
    return _measured(model, config, data, changes, started=started, folder=folder)


def pixel_trial(changes: dict[str, Any], work: TrialWork) -> None:
    """Run a trial from pixels on Ray Train, with workers of its own."""
    run_one(run_from_pixels, changes, work)


def run_one(run: Callable[..., TrialResult], changes: dict[str, Any], work: TrialWork) -> None:
    """Run a trial unless it is done, keep its result or its error in its folder, and report the result to Tune."""
    _prepare(work)
    name, started = _trial_name(), time.perf_counter()
    folder = work.folder / name
    with _error_kept(folder):
        result = _kept(folder) or run(work, name, {**work.fixed, **changes}, started=started)
    report_result(result)


def run_from_pixels(work: TrialWork, name: str, changes: dict[str, Any], *, started: float) -> TrialResult:
    """Train on Ray Train, then evaluate on features of the trained networks."""
    config = replace(
        changed(work.base, changes, source=work.space), name=name, runs=work.folder, source="pixels"
    )
    write_json(config.folder / CONFIG_FILE, to_dict(config))
    networks: Networks = ray.get(work.networks)
    job = Job(
        config=config,
        manifest=work.manifest,
        networks=work.networks,
        start=None,
        store=None,
        board=new_board(),
        attempts=work.attempts,
    )
    cost = _cost(config, trial_data(work.data))
    reports = ValidatedReports([cost.at(kept).total for kept in range(1, config.timesteps + 1)])
    videos = VideoWatch()
    model = build_for_networks(job.model, networks, keep_networks=True)

    def keep(best: State) -> None:
        model.load_state_dict({**state_of(model), **best})
        write_head(config.folder, best if config.trains_networks else _without_networks(best))

    fit(job, watch=videos, keep=keep, callbacks=[reports])
    write_rejects(config.folder / "rejects.parquet", list(videos.rejects.values()))
    data = _data_of(model, config, work)
    return _measured(model, config, data, changes, started=started, folder=config.folder)


def _measured(
    model: VideoEpitoma,
    config: TrainConfig,
    data: TrialData,
    changes: dict[str, Any],
    *,
    started: float,
    folder: Path,
) -> TrialResult:
    """Evaluate a trained model, and write the result into the trial's folder."""
    result = TrialResult(
        trial=config.name,
        changes=changes,
        points={split: measure_head(model, config, data, split) for split in SPLITS if split in data.splits},
        videos=len(data.splits["validation"].video_ids),
        seconds=time.perf_counter() - started,
    )
    write_result(folder, result)
    return result


def reference_trial(work: TrialWork, name: str, changes: dict[str, Any]) -> None:
    """Train a reference classifier for uniform sampling, without a selector, from features and outside Tune."""
    _prepare(work)
    run_on_features(work, name, changes, started=time.perf_counter())


@lru_cache(maxsize=1)
def trial_data(data: ray.ObjectRef) -> TrialData:
    """The shared data, fetched once per process."""
    return ray.get(data)


def failure_reason(folder: Path, log: str) -> str:
    """Why a trial failed, in one line; it is written into the trial's folder if the trial itself could not do that.

    Args:
        folder: Of the trial.
        log: What Tune says of the failure.
    """
    kept = read_error(folder)
    if kept is None:
        has_begun = is_there(folder / _BEGUN_FILE)
        last = (log.strip().splitlines() or ["it did not begin"])[-1]
        kept = TrialError(_PROCESS_DIED, TRY_AGAIN) if has_begun else TrialError(last, BUG)
        write_error(folder, kept)
    return kept.reason


@contextmanager
def _error_kept(folder: Path) -> Iterator[None]:
    """Write an error of the block into the trial's folder: Tune's callbacks get no error, only its text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ERROR_FILE).unlink(missing_ok=True)
    (folder / _BEGUN_FILE).touch()
    try:
        yield
    except Exception as error:
        write_error(folder, TrialError(f"{type(error).__name__}: {last_line(error)}", _exit_code(error)))
        raise
    (folder / _BEGUN_FILE).unlink(missing_ok=True)


def _exit_code(error: BaseException) -> int:
    """Exit code of a job that ends with an error."""
    match own_error(error):
        case EpitomaError() as own:
            return own.exit_code
        case OSError() as own:
            return exit_code_of(own)
        case _:
            return TRY_AGAIN if is_of_ray(innermost(error)) else BUG


def _kept(folder: Path) -> TrialResult | None:
    """Result that a trial has written already: Tune may have been killed before it recorded the trial as done."""
    return read_result(folder) if has_result(folder) else None


def _prepare(work: TrialWork) -> None:
    silence_ray()
    torch.set_num_threads(work.threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())


def _trial_name() -> str:
    name = ray.tune.get_context().get_trial_id()
    assert name is not None
    return name


def _context(folder: Path, config: TrainConfig, data: TrialData) -> LocalContext:
    device = torch.device("cuda" if ray.get_gpu_ids() else "cpu")
    if config.selection != "learnt":
        return LocalContext(folder, device=device)
    return TuneContext(folder, device=device, cost=_cost(config, data))


def _cost(config: TrainConfig, data: TrialData) -> CostModel:
    return CostModel(untrained_head(config, data), data.each, candidates=config.timesteps)


def _data_of(model: VideoEpitoma, config: TrainConfig, work: TrialWork) -> TrialData:
    """Data to evaluate a model trained from pixels on: features of its own networks, if those were fine-tuned."""
    data = trial_data(work.data)
    if not config.trains_networks:
        return data
    networks = model.networks
    assert networks is not None
    splits, evidence = {}, {}
    for name in data.splits:
        split = work.manifest.split(name)
        if name == "train":
            continue
        extracted = extract_features(
            split,
            networks,
            timesteps=config.dense,
            root=config.folder / "features",
            watch=lambda done, total: None,
            gpu=config.gpu,
            attempts=work.attempts,
            max_reject_share=config.max_reject_share,
        )
        stored = read_features(extracted.folder, split)
        splits[name] = feature_split(stored, split)
        evidence[name] = evidence_of(split, stored, networks.heavy.input.frames)
    return replace(data, splits=splits, evidence=evidence)


def _without_networks(state: State) -> State:
    return {name: tensor for name, tensor in state.items() if not name.startswith("networks.")}
