"""Make a dataset: a manifest of videos that you have, or videos that are made here."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated

import tyro

from epitoma.config import to_dict
from epitoma.console import phase, say
from epitoma.datasets.breakfast import BreakfastConfig, list_breakfast
from epitoma.datasets.charades import CharadesConfig, list_charades
from epitoma.datasets.clips import list_clips
from epitoma.datasets.composites import CompositeConfig, check_supply, class_names
from epitoma.datasets.folder import FolderConfig, list_folder
from epitoma.datasets.listing import Listing
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.datasets.rejects import write_rejects
from epitoma.datasets.report import report_lines
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.datasets.table import TableConfig, list_table
from epitoma.errors import ConfigError
from epitoma.on_ray.composites import check_clips, make_composites
from epitoma.on_ray.prepare import MANIFEST_FILE, REJECTS_FILE, index_listing, make_synthetic
from epitoma.on_ray.runtime import ray_session
from epitoma.training.checkpoint import read_json, write_json
from ray_jobs.command_line import run_job

REPORT_FILE = "report.txt"


@dataclass(frozen=True, kw_only=True)
class PrepareFolder(FolderConfig):
    """Your videos, one folder a class, or train/, validation/ (val/, valid/) and test/ with those inside.

    Attributes:
        output: Where manifest, index and rejects go.
    """

    output: Path

    def make(self) -> Manifest:
        """List and index the folder."""
        return prepare_source(lambda: list_folder(self), self.output, source=self.root)


@dataclass(frozen=True, kw_only=True)
class PrepareTable(TableConfig):
    """Your videos, a row each of a CSV or Parquet file.

    Attributes:
        output: Where manifest, index and rejects go.
    """

    output: Path

    def make(self) -> Manifest:
        """List and index the videos of the table."""
        return prepare_source(lambda: list_table(self), self.output)


@dataclass(frozen=True, kw_only=True)
class PrepareBreakfast(BreakfastConfig):
    """The Breakfast dataset, from the folder as it is downloaded.

    Attributes:
        output: Where manifest, index and rejects go.
    """

    output: Path

    def make(self) -> Manifest:
        """List and index the dataset."""
        return prepare_source(lambda: list_breakfast(self), self.output, source=self.root)


@dataclass(frozen=True, kw_only=True)
class PrepareCharades(CharadesConfig):
    """The Charades dataset, from the folder as it is downloaded.

    Attributes:
        output: Where manifest, index and rejects go.
    """

    output: Path

    def make(self) -> Manifest:
        """List and index the dataset."""
        return prepare_source(lambda: list_charades(self), self.output, source=self.root)


@dataclass(frozen=True, kw_only=True)
class PrepareSynthetic:
    """Synthetic videos with known evidence.

    Attributes:
        output: Where the videos, their manifest and index go.
        dataset: What they are like.
    """

    output: Path
    dataset: SyntheticConfig = field(default_factory=SyntheticConfig)

    def make(self) -> Manifest:
        """Render the videos, unless they are there already with the same settings."""
        path, settings = self.output / MANIFEST_FILE, self.output / "synthetic.json"
        if path.is_file() and settings.is_file() and read_json(settings) == to_dict(self.dataset):
            return read_manifest(path)
        with ray_session(logs=self.output / "logs"), phase("make synthetic videos") as advance:
            manifest = make_synthetic(self.dataset, self.output, watch=advance)
        write_json(settings, asdict(self.dataset))
        return manifest


@dataclass(frozen=True, kw_only=True)
class PrepareComposites(CompositeConfig):
    """Minutes-long videos with known evidence, put together from short clips, one folder a class.

    Attributes:
        clips: The folder of clips, or of train/, validation/ and test/ with class folders inside.
        output: Where the videos, their manifest and index go, and which clips they are made from.
    """

    clips: Path
    output: Path

    def make(self) -> Manifest:
        """Check the clips and compose the videos that are not there yet with the same settings."""
        check_output(self.output, source=self.clips)
        listing = list_clips(self.clips, self)
        class_names(listing.classes, self)
        # The class of a job that is run as a command has no module that workers could import.
        config = CompositeConfig(
            **{field.name: getattr(self, field.name) for field in fields(CompositeConfig)}
        )
        with ray_session(logs=self.output / "logs"):
            with phase("check clips", unit="clips") as advance:
                clips, rejects = check_clips(listing, config, watch=advance)
            self.output.mkdir(parents=True, exist_ok=True)
            write_rejects(self.output / REJECTS_FILE, rejects)
            for reject in rejects:
                say(f"  rejected {reject.path}: {reject.reason}")
            check_supply(clips, listing.classes, config)
            with phase("compose videos") as advance:
                composed = make_composites(clips, config, self.output, watch=advance)
        known = len(composed.manifest) - composed.encoded
        if known:
            say(f"  {known} of {len(composed.manifest)} videos were there already")
        return composed.manifest


PrepareConfig = (
    Annotated[PrepareFolder, tyro.conf.subcommand("folder")]
    | Annotated[PrepareTable, tyro.conf.subcommand("table")]
    | Annotated[PrepareBreakfast, tyro.conf.subcommand("breakfast")]
    | Annotated[PrepareCharades, tyro.conf.subcommand("charades")]
    | Annotated[PrepareSynthetic, tyro.conf.subcommand("synthetic")]
    | Annotated[PrepareComposites, tyro.conf.subcommand("composites")]
)
"""A subcommand each; every one can `make` its dataset."""


def prepare(config: PrepareConfig) -> Manifest:
    """Make the dataset and say what is in it."""
    manifest = config.make()
    counts = {name: len(manifest.split(name)) for name in manifest.splits}
    listed = ", ".join(f"{count} {name}" for name, count in counts.items())
    say(f"  {manifest.path}: {listed}, {len(manifest.classes)} classes")
    return manifest


def prepare_source(
    list_videos: Callable[[], Listing], output: Path, *, source: Path | None = None
) -> Manifest:
    """List a source's videos, index them, write the dataset, and say what it holds and what was left out.

    Args:
        list_videos: Lists them.
        output: Folder of the dataset.
        source: Folder that must stay as it is.

    Raises:
        ConfigError: The output would lie inside the source.
        ManifestError: The source cannot be used, or none of its videos.
    """
    if source is not None:
        check_output(output, source=source)
    with phase("list videos") as advance:
        listing = list_videos()
        advance(len(listing.videos), len(listing.videos))
    with phase("index videos") as advance:
        prepared = index_listing(listing, output, watch=advance)
    known = len(listing.videos) - prepared.indexed
    notes = [*([f"{known} videos were indexed before"] if known else []), *prepared.notes]
    short, whole = (
        report_lines(prepared.manifest, prepared.rejects, published=listing.published, shorten=shorten)
        for shorten in (True, False)
    )
    (output / REPORT_FILE).write_text("\n".join([*notes, *whole]) + "\n", encoding="utf-8")
    for line in [*notes, *short]:
        say(f"  {line}")
    return prepared.manifest


def check_output(output: Path, *, source: Path) -> None:
    """Raise a ConfigError if the output would lie inside the source, which is only read."""
    if output.resolve().is_relative_to(source.resolve()):
        raise ConfigError(
            f"--output {output} lies inside {source}, which is only read: choose another folder"
        )


if __name__ == "__main__":
    run_job(PrepareConfig, prepare, about=__doc__)
