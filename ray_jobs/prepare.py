"""Make a dataset: a manifest of videos that you have, or videos that are made here."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from epitoma.config import to_dict
from epitoma.console import phase, say
from epitoma.datasets.folder import scan_folder
from epitoma.datasets.manifest import Manifest, read_manifest, write_manifest
from epitoma.datasets.rejects import write_rejects
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.on_ray.prepare import make_synthetic
from epitoma.on_ray.runtime import ray_session
from epitoma.training.checkpoint import read_json, write_json
from ray_jobs.command_line import run_job


@dataclass(kw_only=True)
class PrepareFolder:
    """Your own videos, one folder a class, or train/, validation/, test/ with those inside.

    Attributes:
        root: The folder; the manifest refers to the videos where they are.
        output: Where the manifest goes.
        validation_share: Share of each class for validation, where the folder has no splits.
        test_share: Share of each class for testing, where the folder has no splits.
        seed: Seed of the splits.
    """

    root: Path
    output: Path
    validation_share: float = 0.15
    test_share: float = 0.15
    seed: int = 0

    def make(self) -> Manifest:
        """List the videos of the folder; what cannot be read goes to rejects.parquet."""
        with phase("read the folder"):
            rows, rejects = scan_folder(
                self.root,
                validation_share=self.validation_share,
                test_share=self.test_share,
                seed=self.seed,
            )
        self.output.mkdir(parents=True, exist_ok=True)
        write_rejects(self.output / "rejects.parquet", rejects)
        for reject in rejects:
            say(f"  rejected {reject.path}: {reject.reason}")
        classes = tuple(sorted({label for row in rows for label in row.labels}))
        return write_manifest(self.output / "manifest.parquet", rows, classes=classes, multi_label=False)


@dataclass(kw_only=True)
class PrepareSynthetic:
    """Synthetic videos with known evidence.

    Attributes:
        output: Where the videos and their manifest go.
        dataset: What they are like.
    """

    output: Path
    dataset: SyntheticConfig = field(default_factory=SyntheticConfig)

    def make(self) -> Manifest:
        """Render the videos, unless they are there already with the same settings."""
        path, settings = self.output / "manifest.parquet", self.output / "synthetic.json"
        if path.is_file() and settings.is_file() and read_json(settings) == to_dict(self.dataset):
            return read_manifest(path)
        with ray_session(logs=self.output / "logs"), phase("make synthetic videos") as advance:
            manifest = make_synthetic(self.dataset, self.output, watch=advance)
        write_json(settings, asdict(self.dataset))
        return manifest


PrepareConfig = (
    Annotated[PrepareFolder, tyro.conf.subcommand("folder")]
    | Annotated[PrepareSynthetic, tyro.conf.subcommand("synthetic")]
)
"""A subcommand each; every one can `make` its dataset."""


def prepare(config: PrepareConfig) -> Manifest:
    """Make the dataset and say what is in it."""
    manifest = config.make()
    counts = {name: len(manifest.split(name)) for name in manifest.splits}
    listed = ", ".join(f"{count} {name}" for name, count in counts.items())
    say(f"  {manifest.path}: {listed}, {len(manifest.classes)} classes")
    return manifest


if __name__ == "__main__":
    run_job(PrepareConfig, prepare, about=__doc__)
