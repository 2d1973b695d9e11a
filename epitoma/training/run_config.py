"""What one training run is: data, networks, head, sparsity, optimisation, workers."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from epitoma.core.errors import ConfigError
from epitoma.models.speed import Speed
from epitoma.models.videoepitoma import HeadConfig, ModelConfig, NetworksConfig
from epitoma.training.augmentation import AugmentationConfig
from epitoma.training.batch import SelectionName
from epitoma.training.loop_config import LoopConfig
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.sparsity import SparsityConfig


@dataclass(kw_only=True)
class WorkersConfig:
    """Where training runs.

    Attributes:
        count: Data-parallel workers.
        gpu: A GPU for each worker; None asks the cluster whether it has any.
        threads: CPU threads of each worker; None shares the machine's cores among them.
        least: Fewest workers to go on with while others are lost; None needs all of them, always.
        resize_seconds: How often a run with fewer workers than it may have looks for more.
        max_failures: How often a run restarts from its newest checkpoint when a worker dies.
        resources: What else a worker needs of its node, by the names that the cluster gives it.
        stop_seconds: How long a run that is stopped waits for its workers to keep a last checkpoint.
    """

    count: int = 1
    gpu: bool | None = None
    threads: int | None = None
    least: int | None = None
    resize_seconds: float = 60.0
    max_failures: int = 3
    resources: dict[str, float] = field(default_factory=dict)
    stop_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"workers.count must be at least 1, not {self.count}")
        if self.least is not None and not 1 <= self.least <= self.count:
            raise ConfigError(f"workers.least must be from 1 to workers.count {self.count}, not {self.least}")


@dataclass(kw_only=True)
class TrainConfig:
    """One training run.

    Attributes:
        manifest: The dataset (see ``datasets/manifest.py``).
        name: The run's folder under ``runs``; must be new, unless resumed.
        runs: Where runs, and the MLflow store unless MLFLOW_TRACKING_URI is set, are kept.
        source: ``features`` trains on stored features of frozen networks; ``pixels`` end to end.
        backbones: From pixels, whether LightNet and HeavyNet are fine-tuned.
        selection: ``learnt`` trains the selector; ``random`` and ``dense`` train a reference without one.
        networks: LightNet and HeavyNet.
        head: Selector and classifier.
        sparsity: How many timesteps to keep.
        optimisation: How weights are moved.
        augmentation: How views of the training videos differ, from pixels.
        timesteps: Candidate timesteps T of a video at inference, uniform over it.
        train_timesteps: Candidates of a video in training; None draws T.
        train_sampling: Whether those are drawn at random each time, or always the same uniform ones.
        store_timesteps: Dense timesteps D in the feature store; None stores T.
        features: Where feature stores are kept; None keeps them in ``runs/features``.
        start_from: A finished run whose networks, selector and classifier start this one.
        networks_from: A finished run whose networks are used, and nothing else of it.
        selector_from: A finished run whose LightNet and selector start this one, in front of any HeavyNet.
        light_from: A finished run whose LightNet is used, such as one of ``finetune``.
        heavy_from: A finished run whose HeavyNet is used.
        seed: Seed of everything random.
        checkpoint_every: Optimiser steps between checkpoints, beside those at the ends of epochs; None keeps no others.
        audit: Write down which videos each step saw, in ``audit`` in the run's folder.
        workers: Where training runs.
        speed: How the networks run.
        max_reject_share: The run stops when more than this share of videos cannot be read.
        register_as: Name under which the model becomes a new version in MLflow's registry; None does not register it.
        resume: Go on with the run of this name from its newest checkpoint.
    """

    manifest: Path
    name: str
    runs: Path = Path("runs")
    source: Literal["features", "pixels"] = "features"
    backbones: Literal["frozen", "finetune"] = "frozen"
    selection: SelectionName = "learnt"
    networks: NetworksConfig = field(default_factory=NetworksConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    sparsity: SparsityConfig = field(default_factory=SparsityConfig)
    optimisation: OptimisationConfig = field(default_factory=OptimisationConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    timesteps: int = 32
    train_timesteps: int | None = None
    train_sampling: Literal["random", "uniform"] = "random"
    store_timesteps: int | None = None
    features: Path | None = None
    start_from: Path | None = None
    networks_from: Path | None = None
    selector_from: Path | None = None
    light_from: Path | None = None
    heavy_from: Path | None = None
    seed: int = 0
    checkpoint_every: int | None = None
    audit: bool = False
    workers: WorkersConfig = field(default_factory=WorkersConfig)
    speed: Speed = field(default_factory=Speed)
    max_reject_share: float = 0.05
    register_as: str | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        if self.source == "features" and self.backbones == "finetune":
            raise ConfigError("backbones 'finetune' needs source 'pixels': stored features cannot change")
        if self.source == "features" and self.augmentation.is_on:
            raise ConfigError(
                "augmentation needs source 'pixels': stored features are of the videos as they are"
            )
        if self.start_from is not None and self.selector_from is not None:
            raise ConfigError("start_from takes the selector too: give it or selector_from, not both")
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
    def candidates(self) -> int:
        """Candidates of a video in training."""
        return self.train_timesteps or self.timesteps

    @property
    def dense(self) -> int:
        """Timesteps of a video in the feature store."""
        return self.store_timesteps or self.timesteps

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.runs / self.name

    @property
    def feature_root(self) -> Path:
        """Where feature stores are kept."""
        return self.features or self.runs / "features"

    def loop(self, *, multi_label: bool) -> LoopConfig:
        """The part that the training loop needs."""
        return LoopConfig(
            optimisation=self.optimisation,
            sparsity=self.sparsity,
            selection=self.selection,
            timesteps=self.timesteps,
            multi_label=multi_label,
            seed=self.seed,
            checkpoint_steps=self.checkpoint_every,
            keep_start=self.start_from is not None,
        )

    def model(self, *, classes: tuple[str, ...], multi_label: bool) -> ModelConfig:
        """The part that builds the model."""
        return ModelConfig(
            networks=self.networks,
            head=self.head,
            classes=classes,
            multi_label=multi_label,
            timesteps=self.timesteps,
            has_selector=self.selection == "learnt",
        )
