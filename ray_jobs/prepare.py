"""Make a dataset: ``synthetic`` videos with known evidence, or a manifest of a ``folder`` of your own."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from epitoma.config import to_dict
from epitoma.console import phase, say
from epitoma.datasets.folder import scan_folder
from epitoma.datasets.manifest import Manifest, read_manifest, write_manifest
from epitoma.datasets.rejects import write_rejects
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.errors import ConfigError, ManifestError
from epitoma.on_ray.prepare import make_synthetic
from epitoma.on_ray.runtime import ray_session
from epitoma.training.checkpoint import read_json, write_json
from ray_jobs.command_line import run_job


@dataclass(kw_only=True)
class PrepareConfig:
    """A dataset to make.

    Attributes:
        folder: Your videos, one folder a class (or train/, validation/, test/ with those inside); the manifest
            refers to them where they are.
        output: Where the manifest goes, and the videos where they are made.
        synthetic: Make synthetic videos instead of reading a folder.
        synthetic_dataset: What the synthetic videos are like.
        validation_share: Share of each class for validation, where the folder has no splits.
        test_share: Share of each class for testing, where the folder has no splits.
        seed: Seed of the splits.
    """

    output: Path
    folder: Path | None = None
    synthetic: bool = False
    synthetic_dataset: SyntheticConfig = field(default_factory=SyntheticConfig)
    validation_share: float = 0.15
    test_share: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.folder is None) == (not self.synthetic):
            raise ConfigError("give either --folder DIR or --synthetic")


def prepare(config: PrepareConfig) -> Manifest:
    """Make the dataset and say what is in it."""
    manifest = prepare_synthetic(config) if config.synthetic else prepare_folder(config)
    counts = {name: len(manifest.split(name)) for name in manifest.splits}
    listed = ", ".join(f"{count} {name}" for name, count in counts.items())
    say(f"  {manifest.path}: {listed}, {len(manifest.classes)} classes")
    return manifest


def prepare_synthetic(config: PrepareConfig) -> Manifest:
    """Render the synthetic videos, unless they are there already with the same settings."""
    path, settings = config.output / "manifest.parquet", config.output / "synthetic.json"
    wanted = to_dict(config.synthetic_dataset)
    if path.is_file() and settings.is_file() and read_json(settings) == wanted:
        return read_manifest(path)
    with ray_session(logs=config.output / "logs"), phase("make synthetic videos") as advance:
        manifest = make_synthetic(config.synthetic_dataset, config.output, watch=advance)
    write_json(settings, asdict(config.synthetic_dataset))
    return manifest


def prepare_folder(config: PrepareConfig) -> Manifest:
    """List the videos of a folder; what cannot be read goes to rejects.parquet."""
    if config.folder is None:
        raise ConfigError("no --folder given")
    with phase("read the folder"):
        rows, rejects = scan_folder(
            config.folder,
            validation_share=config.validation_share,
            test_share=config.test_share,
            seed=config.seed,
        )
    config.output.mkdir(parents=True, exist_ok=True)
    write_rejects(config.output / "rejects.parquet", rejects)
    for reject in rejects:
        say(f"  rejected {reject.path}: {reject.reason}")
    if not rows:
        raise ManifestError(f"no readable video in {config.folder}: all {len(rejects)} were rejected")
    classes = tuple(sorted({label for row in rows for label in row.labels}))
    return write_manifest(config.output / "manifest.parquet", rows, classes=classes, multi_label=False)


if __name__ == "__main__":
    run_job(PrepareConfig, prepare, about=__doc__)
