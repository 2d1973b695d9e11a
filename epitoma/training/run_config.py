"""Config of a training run: data, networks, head, sparsity, optimisation, workers."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from epitoma.core.errors import ConfigError
from epitoma.core.gpu import GpuOption
from epitoma.files.local_paths import InputPath
from epitoma.models.speed import Speed
from epitoma.models.videoepitoma import HeadConfig, ModelConfig, NetworksConfig
from epitoma.training.augmentation import Augmentation
from epitoma.training.batch import SelectionName
from epitoma.training.loop_config import LoopConfig
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.sparsity import SparsityConfig
from epitoma.training.starts import starts


@dataclass(kw_only=True)
class WorkersConfig:
    """Training workers and their resources.

    Attributes:
        count: Number of data-parallel workers.
        threads: CPU threads of each worker; None shares the machine's cores among the workers.
        least: Fewest workers to start or continue with while nodes are missing; None always needs all of them.
        max_failures: Most restarts from the newest checkpoint after a worker has died.
        resources: Further Ray resources of each worker, by name.
    """

    count: int = 1
    threads: int | None = None
    least: int | None = None
    max_failures: int = 3
    resources: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"workers.count must be at least 1, not {self.count}")
        if self.least is not None and not 1 <= self.least <= self.count:
            raise ConfigError(f"workers.least must be from 1 to workers.count {self.count}, not {self.least}")


@dataclass(kw_only=True)
class TrainConfig(GpuOption):
    """Options of a training run.

    Attributes:
        manifest: Manifest of the dataset (see ``datasets/manifest.py``).
        name: Name of the run's folder in ``runs``; must be new, unless resumed.
        runs: Folder of runs, and of the MLflow store unless MLFLOW_TRACKING_URI is set.
        source: ``features`` trains on stored features of frozen networks; ``pixels`` trains from decoded videos,
            LightNet and HeavyNet too, unless ``optimisation.network_learning_rate`` is 0.
        selection: ``learnt`` trains the selector; ``random`` and ``dense`` train a reference classifier without one.
        networks: LightNet and HeavyNet.
        head: Selector and classifier.
        loss: Name of the loss; None takes the classifier's own, and else cross-entropy, or binary cross-entropy with
            several labels a video.
        plugin: Modules that register parts of one's own (docs/extending.md).
        sparsity: How many timesteps the selector should keep.
        optimisation: Optimiser, learning rates, epochs and batch size.
        augmentation: Random changes of training videos, from pixels only: ``crop``, ``flip``, ``colour``.
        timesteps: Candidate timesteps per video at inference, T, uniform over the video.
        train_timesteps: Candidate timesteps per video in training, drawn anew in every epoch; None draws T.
        store_timesteps: Timesteps per video in the feature store, D; None stores T.
        features: Folder of the feature stores; None uses ``runs/features``.
        start_from: Finished runs that this one starts from: ``RUN`` for all of its model, or ``networks=RUN``,
            ``light=RUN``, ``heavy=RUN`` and ``selector=RUN`` for parts (see ``training/starts.py``).
        seed: Seed of everything random.
        checkpoint_every: Optimiser steps between checkpoints, beside those of validations; None saves at these only.
        workers: Training workers and their resources.
        speed: Precision and compilation of the networks.
        max_reject_share: Largest share of videos that may be unreadable, 0 to 1; with more the run stops.
        register_as: Name in MLflow's registry under which the model becomes a new version; None does not register it.
        resume: Continue the run of this name from its newest checkpoint.
    """

    manifest: InputPath
    name: str
    runs: Path = Path("runs")
    source: Literal["features", "pixels"] = "features"
    selection: SelectionName = "learnt"
    networks: NetworksConfig = field(default_factory=NetworksConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    loss: str | None = None
    plugin: tuple[str, ...] = ()
    sparsity: SparsityConfig = field(default_factory=SparsityConfig)
    optimisation: OptimisationConfig = field(default_factory=OptimisationConfig)
    augmentation: tuple[Augmentation, ...] = ()
    timesteps: int = 32
    train_timesteps: int | None = None
    store_timesteps: int | None = None
    features: Path | None = None
    start_from: tuple[str, ...] = ()
    seed: int = 0
    checkpoint_every: int | None = None
    workers: WorkersConfig = field(default_factory=WorkersConfig)
    speed: Speed = field(default_factory=Speed)
    max_reject_share: float = 0.05
    register_as: str | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        if self.source == "features" and self.augmentation:
            raise ConfigError(
                "augmentation needs source 'pixels': stored features are of the videos as they are"
            )
        _ = self.starts  # Refused here, and not hours later.
        if self.checkpoint_every is not None and self.checkpoint_every < 1:
            raise ConfigError(f"checkpoint_every must be at least 1 step, not {self.checkpoint_every}")
        if self.timesteps < 1 or self.candidates < 1 or self.dense < 1:
            raise ConfigError("timesteps, train_timesteps and store_timesteps must be at least 1")
        if self.source == "features" and self.dense < max(self.timesteps, self.candidates):
            raise ConfigError(
                f"store_timesteps {self.dense} is fewer than timesteps {self.timesteps} "
                f"or train_timesteps {self.candidates}"
            )
        has_target = self.selection == "learnt" and self.sparsity.has_target
        if has_target and self.sparsity.target_timesteps > self.timesteps:
            raise ConfigError(
                f"sparsity.target_timesteps {self.sparsity.target_timesteps} is more than timesteps {self.timesteps}"
            )

    @property
    def starts(self) -> dict[str, Path]:
        """Finished run that each part of the model starts from; parts that start afresh are left out."""
        return starts(self.start_from)

    @property
    def trains_networks(self) -> bool:
        """Whether LightNet and HeavyNet are trained too."""
        return self.source == "pixels" and self.optimisation.network_learning_rate > 0

    @property
    def candidates(self) -> int:
        """Candidate timesteps per video in training."""
        return self.train_timesteps or self.timesteps

    @property
    def dense(self) -> int:
        """Timesteps per video in the feature store, D."""
        return self.store_timesteps or self.timesteps

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self.runs / self.name

    @property
    def feature_root(self) -> Path:
        """Folder of the feature stores."""
        return self.features or self.runs / "features"

    def loop(self, *, multi_label: bool) -> LoopConfig:
        """Config of the training loop."""
        return LoopConfig(
            optimisation=self.optimisation,
            sparsity=self.sparsity,
            selection=self.selection,
            timesteps=self.timesteps,
            loss=self.loss or self.head.classifier.loss,
            multi_label=multi_label,
            seed=self.seed,
            checkpoint_steps=self.checkpoint_every,
            keep_start="classifier" in self.starts,
        )

    def model(self, *, classes: tuple[str, ...], multi_label: bool) -> ModelConfig:
        """Config of the model."""
        return ModelConfig(
            networks=self.networks,
            head=self.head,
            classes=classes,
            multi_label=multi_label,
            timesteps=self.timesteps,
            has_selector=self.selection == "learnt",
            plugin=self.plugin,
        )
