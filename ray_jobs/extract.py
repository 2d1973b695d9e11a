"""Extract features of frozen networks into a store, so that training on them takes seconds."""

from dataclasses import dataclass, field
from pathlib import Path

from epitoma.core.errors import ConfigError
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.models.speed import Speed
from epitoma.models.videoepitoma import Networks, NetworksConfig
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.on_ray.predict.features import Extracted, extract_features
from epitoma.reporting.console import phase, say
from epitoma.training.checkpoint import load_model, model_folder, networks_of
from epitoma.training.feature_store import Stored, read_features
from ray_jobs.parts.command_line import run_job


@dataclass(kw_only=True)
class ExtractConfig:
    """Features to extract.

    Attributes:
        manifest: The dataset.
        features: Where feature stores are kept.
        networks: LightNet and HeavyNet.
        networks_from: A finished run whose networks are used in place of ``networks``.
        timesteps: Dense uniform timesteps a video, D.
        speed: How the networks run.
        max_reject_share: Largest share of videos that may be unreadable.
    """

    manifest: Path
    features: Path = Path("runs/features")
    networks: NetworksConfig = field(default_factory=NetworksConfig)
    networks_from: Path | None = None
    timesteps: int = 32
    speed: Speed = field(default_factory=Speed)
    max_reject_share: float = 0.05

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
        )


def extract_with(
    manifest: Manifest, networks: Networks, *, timesteps: int, root: Path, max_reject_share: float
) -> Extracted:
    """Extract and tell the person watching."""
    with phase(f"extract features ({timesteps} timesteps)") as advance:
        extracted = extract_features(
            manifest,
            networks,
            timesteps=timesteps,
            root=root,
            watch=advance,
            max_reject_share=max_reject_share,
        )
    for reject in extracted.rejects:
        say(f"  rejected {reject.path}: {reject.reason}")
    if extracted.computed == 0:
        say(f"  features are there already: {extracted.folder}")
    return extracted


def stored_features(
    manifest: Manifest, networks: Networks, *, timesteps: int, root: Path, max_reject_share: float
) -> Stored:
    """Features of a manifest's videos, extracted where they are not there yet."""
    extracted = extract_with(
        manifest, networks, timesteps=timesteps, root=root, max_reject_share=max_reject_share
    )
    return read_features(extracted.folder, manifest)


def main() -> None:
    """The command."""
    run_job(ExtractConfig, extract, about=__doc__)


if __name__ == "__main__":
    main()
