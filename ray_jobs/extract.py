"""Extract features of frozen networks into a store, so that training on them takes seconds."""

from dataclasses import dataclass, field
from pathlib import Path

from epitoma.core.errors import ConfigError
from epitoma.core.gpu import GpuOption
from epitoma.datasets.manifest import read_manifest
from epitoma.files.local_paths import InputPath
from epitoma.models.speed import Speed
from epitoma.models.videoepitoma import Networks, NetworksConfig
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.on_ray.predict.features import Extracted
from epitoma.training.checkpoint import load_model, model_folder, networks_of
from ray_jobs.parts.command_line import run_job
from ray_jobs.parts.extraction import extract_with


@dataclass(kw_only=True)
class ExtractConfig(GpuOption):
    """Options of a feature extraction.

    Attributes:
        manifest: Manifest of the dataset.
        features: Folder of the feature stores.
        networks: LightNet and HeavyNet.
        networks_from: Finished run whose networks are used instead of ``networks``.
        timesteps: Uniform timesteps per video to store, D.
        speed: Precision and compilation of the networks.
        max_reject_share: Largest share of videos that may be unreadable, 0 to 1.
        plugin: Modules that register networks of one's own (docs/extending.md).
    """

    manifest: InputPath
    features: Path = Path("runs/features")
    networks: NetworksConfig = field(default_factory=NetworksConfig)
    networks_from: InputPath | None = None
    timesteps: int = 32
    speed: Speed = field(default_factory=Speed)
    max_reject_share: float = 0.05
    plugin: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.timesteps < 1:
            raise ConfigError(f"timesteps must be at least 1, not {self.timesteps}")


def extract(config: ExtractConfig) -> Extracted:
    """Extract features of every video of a manifest."""
    manifest = read_manifest(config.manifest)
    if config.networks_from is None:
        networks = Networks(config.networks)
    else:
        networks = networks_of(load_model(model_folder(config.networks_from))[0])
    networks.run_as(config.speed)
    with ray_session(logs=config.features / "logs"):
        return extract_with(
            manifest,
            networks,
            timesteps=config.timesteps,
            root=config.features,
            max_reject_share=config.max_reject_share,
            gpu=config.gpu,
        )


def main() -> None:
    """Run the command."""
    run_job(ExtractConfig, extract, about=__doc__)


if __name__ == "__main__":
    main()
