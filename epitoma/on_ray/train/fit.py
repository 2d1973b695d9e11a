"""A training run on Ray Train: every worker runs the loop of ``training/loop.py``."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread, current_thread, main_thread
from typing import Any, cast

import ray
import torch
from ray.train import FailureConfig, RunConfig, ScalingConfig, UserCallback
from ray.train.torch import TorchTrainer
from ray.train.v2.api.exceptions import TrainingFailedError, WorkerGroupError

from epitoma.core.errors import EpitomaError, RunError, last_line
from epitoma.core.registry import import_plugins
from epitoma.core.sampling import stable_seed
from epitoma.datasets.manifest import Manifest
from epitoma.models.videoepitoma import ModelConfig, Networks, VideoEpitoma, build_for_networks
from epitoma.on_ray.cluster.gpus import gpus_up, requested_gpus
from epitoma.on_ray.cluster.placement import cpus_for, label_selector, say_if_waited_for
from epitoma.on_ray.cluster.process_group import BoundTorchConfig
from epitoma.on_ray.cluster.ray_errors import BUGS, innermost, is_of_ray, lost_error, own_error
from epitoma.on_ray.cluster.runtime import has_joined, silence_ray
from epitoma.on_ray.decode.attempts import Attempts
from epitoma.on_ray.train.board import ANSWER_SECONDS, watching
from epitoma.on_ray.train.ingest import PixelSource, decode_spec
from epitoma.on_ray.train.worker_context import RayContext
from epitoma.training.audit import AuditedSource
from epitoma.training.checkpoint import BEST_FILE, State, read_tensors
from epitoma.training.checkpoint_folder import CheckpointFolder
from epitoma.training.context import TrainContext
from epitoma.training.events import Event, Stopped, Stopping
from epitoma.training.feature_batches import FeatureSource, feature_split
from epitoma.training.feature_store import read_features
from epitoma.training.loop import TrainingLoop
from epitoma.training.run_config import TrainConfig
from epitoma.training.schedule import check_workers

CHECKPOINTS, RAY_TRAIN = "checkpoints", "ray_train"

START_TIMEOUT, ELASTIC_START_SECONDS = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", "10"
"""Seconds to wait for nodes before Ray Train counts them again (its default: 60): it still counts a node that died."""

RESIZE_SECONDS = 10.0
"""Seconds between looks for more nodes while fewer workers run than were asked for."""

STOP_SECONDS = 30.0
"""Seconds that a stopped run waits for its workers to save a last checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything that a training worker needs.

    Attributes:
        config: Config of the run.
        manifest: The dataset.
        networks: LightNet and HeavyNet with their weights, in the object store.
        start: State that selector and classifier start from; None initialises them randomly.
        store: Folder of the feature store; None trains from pixels.
        board: Actor that events are sent to (see ``board.py``).
        attempts: Gives up videos that end the processes which decode them, for all workers and their successors.
    """

    config: TrainConfig
    manifest: Manifest
    networks: ray.ObjectRef
    start: State | None
    store: Path | None
    board: Any
    attempts: Attempts = field(default_factory=Attempts.start)

    @property
    def model(self) -> ModelConfig:
        """Config of the model to train."""
        return self.config.model(classes=self.manifest.classes, multi_label=self.manifest.multi_label)


def fit(
    job: Job,
    *,
    watch: Callable[[Event], None],
    keep: Callable[[State], None],
    callbacks: Sequence[UserCallback] = (),
) -> None:
    """Train, and keep the best model's state.

    Args:
        job: What to train.
        watch: Called with every event of the run, from a thread; an error of it is raised when the state is kept.
        keep: Called with the state, once.
        callbacks: Callbacks of Ray Train, for a run inside a sweep.

    Raises:
        EpitomaError: A worker raised it.
        RunError: Workers failed for any other reason.
        KeyboardInterrupt: The run was stopped; its workers have saved a checkpoint if there was time.
    """
    # Workers have other working directories, in which a relative path would lead elsewhere.
    job = replace(job, config=replace(job.config, runs=job.config.runs.resolve()))
    _check_workers(job)
    say_if_waited_for("train")
    with watching(job.board, watch):
        try:
            _fit_until_stopped(_trainer(job, callbacks), job, watch)
        except TrainingFailedError as error:
            raise _cause(error, job.config) from error
        keep(_best(job))


def _best(job: Job) -> State:
    """State of the best model of a training that has ended.

    Raises:
        EpitomaError: The error that ended it, or there is no checkpoint.
    """
    failure = cast("EpitomaError | None", ray.get(job.board.failure.remote(), timeout=ANSWER_SECONDS))
    if failure is not None:
        raise failure
    newest = checkpoints_of(job.config).newest()
    if newest is None:
        raise RunError(
            f"run {job.config.name!r} ended, but there is no checkpoint in {job.config.folder}: "
            "--runs must be on storage that all machines share"
        )
    return read_tensors(newest / BEST_FILE)


def _check_workers(job: Job) -> None:
    """Check that every worker gets videos in each step.

    Checked before workers start, and for the largest number of them: an elastic run must not fail when it grows.
    """
    check_workers(
        len(job.manifest.split("train")),
        batch_size=job.config.optimisation.batch_size,
        world_size=job.config.workers.count,
        parts=job.config.optimisation.accumulate,
    )


def _trainer(job: Job, callbacks: Sequence[UserCallback]) -> TorchTrainer:
    return TorchTrainer(
        train_worker,
        train_loop_config={"job": job},
        torch_config=BoundTorchConfig(),
        scaling_config=scaling(job.config),
        run_config=RunConfig(
            name=RAY_TRAIN,
            storage_path=str(job.config.folder),
            failure_config=FailureConfig(max_failures=job.config.workers.max_failures),
            callbacks=list(callbacks),
        ),
    )


def _fit_until_stopped(trainer: TorchTrainer, job: Job, watch: Callable[[Event], None]) -> None:
    """Train in a thread, so that the main thread gets signals and can let workers save a checkpoint.

    Ray Train would handle the signal itself, kill the workers, and exit with code 0.
    """
    if current_thread() is not main_thread():
        trainer.fit()
        return
    done: Future[None] = Future()
    Thread(target=_settle, args=(done, trainer), daemon=True).start()
    try:
        done.result()
    except KeyboardInterrupt:
        # First the workers: the watcher logs to MLflow, which may take long.
        job.board.stop.remote()
        watch(Stopping())
        wait([done], timeout=STOP_SECONDS)
        newest = checkpoints_of(job.config).newest()
        watch(Stopped(workers_ended=done.done(), checkpoint=newest.name if newest else None))
        raise


def _settle(done: Future[None], trainer: TorchTrainer) -> None:
    try:
        trainer.fit()
    except BaseException as error:  # Any error is raised in the main thread, by `done.result()`.
        done.set_exception(error)
    else:
        done.set_result(None)


def checkpoints_of(config: TrainConfig) -> CheckpointFolder:
    """Folder of a run's checkpoints."""
    return CheckpointFolder(config.folder / CHECKPOINTS)


def scaling(config: TrainConfig) -> ScalingConfig:
    """Number and resources of the workers; on CPUs all together reserve at most half of the cores for training.

    Raises:
        EpitomaError: GPUs are asked for, but this machine has too few and no cluster was joined.
    """
    workers, gpu = config.workers, requested_gpus(config.gpu) > 0
    least = workers.least or workers.count
    if least < workers.count:
        os.environ.setdefault(START_TIMEOUT, ELASTIC_START_SECONDS)
    if gpu and gpus_up() < least and not has_joined():
        raise RunError(f"{least} workers with a GPU each, but there are {gpus_up()} GPUs")
    cpus = 1.0 if gpu else min(1.0, (cpus_for("train") or 1.0) / 2 / workers.count)
    return ScalingConfig(
        num_workers=workers.count if least == workers.count else (least, workers.count),
        elastic_resize_monitor_interval_s=RESIZE_SECONDS,
        use_gpu=gpu,
        resources_per_worker={"CPU": cpus, **({"GPU": 1} if gpu else {}), **workers.resources},
        label_selector=label_selector("train"),
    )


def train_worker(settings: dict[str, Any]) -> None:
    """Train on one worker; Ray Train calls this on each of them."""
    job: Job = settings["job"]
    import_plugins(job.config.plugin)
    silence_ray()
    workers = job.config.workers
    torch.set_num_threads(workers.threads or max(1, (os.cpu_count() or 1) // workers.count))
    # Only a warning on CUDA, where some operations have no deterministic version.
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    if ray.get(job.board.failure.remote()) is not None:
        return  # Ray Train restarts failed workers, but this error would occur again.
    try:
        _train(job, RayContext(job.board, checkpoints_of(job.config)))
    except EpitomaError as error:
        ray.get(job.board.fail.remote(error))
        raise


def _train(job: Job, context: RayContext) -> None:
    networks: Networks = ray.get(job.networks)
    model = build_trainable(job.config, job.model, networks, start=job.start)
    source = AuditedSource(_source(job, networks, context), job.config.folder, context)
    TrainingLoop(model, job.config.loop(multi_label=job.manifest.multi_label), context, source).run()


def build_trainable(
    config: TrainConfig, model_config: ModelConfig, networks: Networks, *, start: State | None
) -> VideoEpitoma:
    """Build the model of a run, with the parts frozen that it does not train."""
    torch.manual_seed(stable_seed(config.seed, "weights"))
    model = build_for_networks(model_config, networks, keep_networks=config.source == "pixels")
    if start is not None:
        _load_start(model, start)
    networks.requires_grad_(config.trains_networks)
    if config.selection != "learnt":
        model.selector.requires_grad_(False)
        networks.light.requires_grad_(False)
    return model


def _load_start(model: VideoEpitoma, start: State) -> None:
    """Load the state of some parts of the model; each part must be complete.

    Raises:
        RunError: Names of the state and the model differ within a part.
    """
    missing, unexpected = model.load_state_dict(start, strict=False)
    parts = tuple({name.split(".")[0] + "." for name in start})
    wrong = [*(name for name in missing if name.startswith(parts)), *unexpected]
    if wrong:
        raise RunError(f"the run to start from has another model: {', '.join(wrong[:5])} do not fit")


def _source(job: Job, networks: Networks, context: TrainContext) -> FeatureSource | PixelSource:
    training, validation = job.manifest.split("train"), job.manifest.split("validation")
    if job.store is None:
        spec = decode_spec(networks, has_selector=job.config.selection == "learnt")
        return PixelSource(job.config, training, validation, context, spec, job.attempts)
    stored = (feature_split(read_features(job.store, split), split) for split in (training, validation))
    return FeatureSource(job.config, next(stored), next(stored), context)


def _cause(error: TrainingFailedError, config: TrainConfig) -> Exception:
    """What failed: an error of ours or of the system, a lost worker, a bug, or of the rest a RunError with one line."""
    # A group may also fail without a failure of one of its workers.
    failures = list(error.worker_failures.values()) if isinstance(error, WorkerGroupError) else []
    failures = failures or [error]
    bottoms = {innermost(failure): failure for failure in failures}
    own = [each for each in map(own_error, failures) if each is not None]
    told = own or [bottom for bottom in bottoms if isinstance(bottom, BUGS)]
    if told:
        return told[0]
    logs = str(config.folder / "logs")
    # Where one worker is lost, the others fail with what their connection to it says.
    lost = [failure for bottom, failure in bottoms.items() if is_of_ray(bottom)]
    if lost:
        return lost_error(lost[0], logs)
    return RunError(f"run {config.name!r} failed: {last_line(failures[0])} (Ray's logs: {logs})")
