"""One training run on Ray Train: the loop of ``training/loop.py`` on every worker."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from threading import Thread, current_thread, main_thread
from typing import Any

import ray
import ray.train
import torch
from ray.train import FailureConfig, RunConfig, ScalingConfig, UserCallback
from ray.train.torch import TorchTrainer, get_device
from ray.train.v2.api.exceptions import TrainingFailedError, WorkerGroupError
from torch import Tensor, nn
from torch.distributed import all_gather_object, all_reduce
from torch.nn.parallel import DistributedDataParallel

from epitoma.datasets.manifest import Manifest
from epitoma.errors import EpitomaError, RunError
from epitoma.feature_store import read_features
from epitoma.models.videoepitoma import ModelConfig, Networks, VideoEpitoma, build_on
from epitoma.on_ray.ingest import PixelSource, decode_spec
from epitoma.on_ray.process_group import BoundTorchConfig
from epitoma.on_ray.runtime import cluster_cpus, cluster_gpus, has_joined, quieten
from epitoma.sampling import stable_seed
from epitoma.training.audit import AuditedSource
from epitoma.training.checkpoint import BEST_FILE, State, read_tensors
from epitoma.training.checkpoint_folder import CheckpointFolder
from epitoma.training.context import Event, TrainContext
from epitoma.training.feature_batches import FeatureSource, feature_split
from epitoma.training.loop import BatchSource, TrainingLoop
from epitoma.training.run_config import TrainConfig, WorkersConfig

CHECKPOINTS, RAY_TRAIN = "checkpoints", "ray_train"
POLL_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every worker needs.

    Attributes:
        config: The run.
        manifest: The dataset.
        networks: LightNet and HeavyNet with their weights, in the object store.
        start: State that selector and classifier start from; None starts afresh.
        store: Feature store; None trains from pixels.
        board: Where events for the person watching go.
    """

    config: TrainConfig
    manifest: Manifest
    networks: ray.ObjectRef
    start: State | None
    store: Path | None
    board: Any

    @property
    def model(self) -> ModelConfig:
        """The model to train."""
        return self.config.model(classes=self.manifest.classes, multi_label=self.manifest.multi_label)


@ray.remote(num_cpus=0)
class EventBoard:
    """Holds events of workers until the driver takes them."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def put(self, event: Event) -> None:
        """Add an event."""
        self.events.append(event)

    def take(self) -> list[Event]:
        """Hand over all events since the last time."""
        taken, self.events = self.events, []
        return taken


class RayContext:
    """A training worker of Ray Train as the loop sees it.

    Checkpoints are ours and not Ray Train's: that one copies a folder file by file, and knows of it only when its
    controller has asked the next time, so that a worker's death can cost one more checkpoint.

    Args:
        board: Where events go.
        checkpoints: Of the run, on storage that all workers share.
    """

    def __init__(self, board: Any, checkpoints: CheckpointFolder) -> None:
        context = ray.train.get_context()
        self.rank = context.get_world_rank()
        self.world_size = context.get_world_size()
        self.device = get_device()
        self.board = board
        self.checkpoints = checkpoints

    def wrap(self, model: nn.Module) -> nn.Module:
        """Average gradients over workers."""
        if self.world_size == 1:
            return model
        return DistributedDataParallel(
            model, device_ids=[self.device] if self.device.type == "cuda" else None
        )

    def sum(self, value: Tensor) -> Tensor:
        """Sum over workers."""
        total = value.detach().clone()
        if self.world_size > 1:
            all_reduce(total)
        return total

    def gather(self, value: Any) -> list[Any]:
        """Every worker's value."""
        if self.world_size == 1:
            return [value]
        gathered: list[Any] = [None] * self.world_size
        all_gather_object(gathered, value)
        return gathered

    def tell(self, event: Event) -> None:
        """Send to the board; steps and epochs are told once, by the first worker."""
        if self.rank == 0 or event["kind"] == "reject":
            self.board.put.remote(event)

    def save(self, metrics: dict[str, float], place: tuple[int, int], fill: Callable[[Path], None]) -> None:
        """Write as the first worker, and report what an epoch came to."""
        if self.rank == 0:
            self.checkpoints.write(place, fill)
        if metrics:
            ray.train.report(metrics)

    def saved(self) -> Path | None:
        """The checkpoint that the first worker finds the newest."""
        return self.gather(self.checkpoints.newest())[0]


def fit(job: Job, *, watch: Callable[[Event], None], callbacks: Sequence[UserCallback] = ()) -> State:
    """Train, and return the best model's state.

    Args:
        job: What to train.
        watch: Called in a thread with every event of the run.
        callbacks: Ray Train's, for a run inside a sweep.

    Raises:
        EpitomaError: What a worker raised for the person to act on.
        RunError: Workers failed for any other reason.
    """
    trainer = TorchTrainer(
        train_worker,
        train_loop_config={"job": job},
        torch_config=BoundTorchConfig(),
        scaling_config=scaling(job.config.workers),
        run_config=RunConfig(
            name=RAY_TRAIN,
            storage_path=str(job.config.folder.resolve()),
            failure_config=FailureConfig(max_failures=job.config.workers.max_failures),
            callbacks=list(callbacks),
        ),
    )
    with _watching(job.board, watch), _own_interrupts():
        try:
            trainer.fit()
        except TrainingFailedError as error:
            raise _cause(error, job.config) from error
    newest = checkpoints_of(job.config).newest()
    if newest is None:
        raise RunError(
            f"run {job.config.name!r} ended, but there is no checkpoint in {job.config.folder}: "
            "--runs must be on storage that all machines share"
        )
    return read_tensors(newest / BEST_FILE)


def checkpoints_of(config: TrainConfig) -> CheckpointFolder:
    """Where a run keeps its checkpoints."""
    return CheckpointFolder(config.folder.resolve() / CHECKPOINTS)


def scaling(workers: WorkersConfig) -> ScalingConfig:
    """Resources of the workers; on CPU they leave at least half of a small machine to decoding."""
    gpu = cluster_gpus() >= 1 if workers.gpu is None else workers.gpu
    least = workers.least or workers.count
    if gpu and cluster_gpus() < least and not has_joined():
        raise RunError(f"{least} workers with a GPU each, but there are {cluster_gpus():g} GPUs")
    cpus = 1.0 if gpu else min(1.0, cluster_cpus() / 2 / workers.count)
    return ScalingConfig(
        num_workers=workers.count if least == workers.count else (least, workers.count),
        elastic_resize_monitor_interval_s=workers.resize_seconds,
        use_gpu=gpu,
        resources_per_worker={"CPU": cpus, **({"GPU": 1} if gpu else {})},
    )


def train_worker(settings: dict[str, Any]) -> None:
    """What runs on each worker."""
    job: Job = settings["job"]
    quieten()
    workers = job.config.workers
    torch.set_num_threads(workers.threads or max(1, (os.cpu_count() or 1) // workers.count))
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    context = RayContext(job.board, checkpoints_of(job.config))
    networks: Networks = ray.get(job.networks)
    model = build_trainable(job.config, job.model, networks, start=job.start)
    source: BatchSource = _source(job, networks, context)
    if job.config.audit:
        source = AuditedSource(source, job.config.folder.resolve(), context)
    TrainingLoop(model, job.config.loop(multi_label=job.manifest.multi_label), context, source).run()


def build_trainable(
    config: TrainConfig, model_config: ModelConfig, networks: Networks, *, start: State | None
) -> VideoEpitoma:
    """The model as this run trains it: what is not trained is frozen."""
    torch.manual_seed(stable_seed(config.seed, "weights"))
    model = build_on(model_config, networks, keep_networks=config.source == "pixels")
    if start is not None:
        _load_start(model, start)
    networks.requires_grad_(config.backbones == "finetune")
    if config.selection != "learnt":
        model.selector.requires_grad_(False)
        networks.light.requires_grad_(False)
    return model


def _load_start(model: VideoEpitoma, start: State) -> None:
    missing, unexpected = model.load_state_dict(start, strict=False)
    wrong = [*(name for name in missing if not name.startswith("networks.")), *unexpected]
    if wrong:
        raise RunError(f"the run to start from has another model: {', '.join(wrong[:5])} do not fit")


def _source(job: Job, networks: Networks, context: TrainContext) -> FeatureSource | PixelSource:
    training, validation = job.manifest.split("train"), job.manifest.split("validation")
    if job.store is None:
        return PixelSource(job.config, training, validation, context, decode_spec(networks))
    stored = (feature_split(read_features(job.store, split), split) for split in (training, validation))
    return FeatureSource(job.config, next(stored), next(stored), context)


@contextmanager
def _own_interrupts() -> Iterator[None]:
    """Ctrl-C is a KeyboardInterrupt during the block and after it.

    Ray Train's ``fit`` puts its own handler in place, which leaves with exit code 0, and never takes it back.
    """
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None
    finally:
        if current_thread() is main_thread():
            signal.signal(signal.SIGINT, before)


@contextmanager
def _watching(board: Any, watch: Callable[[Event], None]) -> Iterator[None]:
    """Poll the board in a thread until the block ends, then once more for the last events.

    What goes wrong in watching does not stop the training; it is raised after it.
    """
    ended = Flag()
    failed: list[Exception] = []

    def take() -> None:
        for event in ray.get(board.take.remote()):
            try:
                watch(event)
            except Exception as error:
                failed.append(error)

    def poll() -> None:
        while not ended.wait(POLL_SECONDS):
            take()

    thread = Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        take()
    if failed:
        raise failed[0]


def _cause(error: TrainingFailedError, config: TrainConfig) -> EpitomaError:
    """The error a person can act on inside Ray's, or one line that says where the whole story is."""
    failures = list(error.worker_failures.values()) if isinstance(error, WorkerGroupError) else [error]
    for failure in failures:
        cause: BaseException | None = failure
        while cause is not None:
            if isinstance(cause, EpitomaError):
                return cause
            cause = cause.__cause__ or getattr(cause, "cause", None)
    last_line = str(failures[0]).strip().splitlines()[-1]
    return RunError(f"run {config.name!r} failed: {last_line} (Ray's logs: {config.folder / 'logs'})")
