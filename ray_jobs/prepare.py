"""Make a dataset: a manifest of videos that you have, or of videos that are generated."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from epitoma.core.config import to_dict
from epitoma.datasets.breakfast import BreakfastConfig, list_breakfast
from epitoma.datasets.charades import CharadesConfig, list_charades
from epitoma.datasets.folder import FolderConfig, list_folder
from epitoma.datasets.listing import Listing, check_listing
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.datasets.report import report_lines
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.datasets.table import TableConfig, list_table
from epitoma.files.allowed_roots import Roots
from epitoma.files.atomic import write_text
from epitoma.files.claims import claimed
from epitoma.files.json_files import read_json, write_json
from epitoma.files.presence import is_file
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.on_ray.datasets.prepare import MANIFEST_FILE, index_listing, make_synthetic
from epitoma.reporting.console import phase, say
from ray_jobs.parts.command_line import run_job
from ray_jobs.parts.dataset_output import PREPARE, Prepare, check_output
from ray_jobs.parts.prepare_composites import PrepareComposites

REPORT_FILE = "report.txt"


@dataclass(frozen=True, kw_only=True)
class PrepareFolder(FolderConfig, Prepare):
    """Your videos, one folder per class, or train/, validation/ (val/, dev/) and test/ with class folders inside."""

    def make(self) -> Manifest:
        """List and index the folder."""
        check_output(self.output, source=self.root)
        return prepare_source(lambda: list_folder(self), self.output, roots=(self.root, *self.allow))


@dataclass(frozen=True, kw_only=True)
class PrepareTable(TableConfig, Prepare):
    """Your videos, one row each in a CSV or Parquet file."""

    def make(self) -> Manifest:
        """List and index the videos of the table."""
        roots = (self.root or self.file.parent, *self.allow)
        return prepare_source(lambda: list_table(self), self.output, roots=roots)


@dataclass(frozen=True, kw_only=True)
class PrepareBreakfast(BreakfastConfig, Prepare):
    """The Breakfast dataset, from the folder as it is downloaded."""

    def make(self) -> Manifest:
        """List and index the dataset."""
        check_output(self.output, source=self.root)
        return prepare_source(lambda: list_breakfast(self), self.output, roots=(self.root, *self.allow))


@dataclass(frozen=True, kw_only=True)
class PrepareCharades(CharadesConfig, Prepare):
    """The Charades dataset, from the folder as it is downloaded."""

    def make(self) -> Manifest:
        """List and index the dataset."""
        check_output(self.output, source=self.root)
        roots = (self.root, *([self.videos] if self.videos else []), *self.allow)
        return prepare_source(lambda: list_charades(self), self.output, roots=roots)


@dataclass(frozen=True, kw_only=True)
class PrepareSynthetic:
    """Synthetic videos with known evidence.

    Attributes:
        output: Folder for the videos, their manifest and index.
        dataset: Number, classes, length and format of the videos.
    """

    output: Path
    dataset: SyntheticConfig = field(default_factory=SyntheticConfig)

    def make(self) -> Manifest:
        """Render the videos, unless the output has them with the same settings."""
        path, settings = self.output / MANIFEST_FILE, self.output / "synthetic.json"
        if is_file(path) and is_file(settings) and read_json(settings) == to_dict(self.dataset):
            return read_manifest(path)
        with claimed(self.output, by=PREPARE):
            with ray_session(logs=self.output / "logs"), phase("make synthetic videos") as advance:
                manifest = make_synthetic(self.dataset, self.output, watch=advance)
            write_json(settings, asdict(self.dataset))
        return manifest


PrepareConfig = (
    Annotated[PrepareFolder, tyro.conf.subcommand("folder")]
    | Annotated[PrepareTable, tyro.conf.subcommand("table")]
    | Annotated[PrepareBreakfast, tyro.conf.subcommand("breakfast")]
    | Annotated[PrepareCharades, tyro.conf.subcommand("charades")]
    | Annotated[PrepareSynthetic, tyro.conf.subcommand("synthetic")]
    | Annotated[PrepareComposites, tyro.conf.subcommand("composites")]
)
"""One subcommand per kind of dataset; each config has a method `make`."""


def prepare(config: PrepareConfig) -> Manifest:
    """Make the dataset and print how many videos and classes it has."""
    manifest = config.make()
    counts = {name: len(manifest.split(name)) for name in manifest.splits}
    listed = ", ".join(f"{count} {name}" for name, count in counts.items())
    say(f"  {manifest.path}: {listed}, {len(manifest.classes)} classes")
    return manifest


def prepare_source(
    list_videos: Callable[[], Listing], output: Path, *, roots: Sequence[str | Path]
) -> Manifest:
    """List a source's videos, index them, write the dataset, and print a report with what was left out.

    Args:
        list_videos: Lists the videos.
        output: Folder of the dataset.
        roots: Folders and addresses in which the videos may lie.

    Raises:
        ConfigError: A root does not exist.
        ManifestError: The source cannot be used, or none of its videos, or some lie outside the roots.
        BusyError: Another job makes a dataset there now.
    """
    with phase("list videos") as advance:
        listing = list_videos()
        advance(len(listing.videos), len(listing.videos))
    given = Roots.given(roots, source="prepare")
    # Before the folder is made: what is refused leaves nothing behind.
    check_listing(listing, given)
    with claimed(output, by=PREPARE):
        return _prepared(listing, output, roots=given)


def _prepared(listing: Listing, output: Path, *, roots: Roots) -> Manifest:
    """Index the videos of a listing, and write and print the report."""
    with phase("index videos") as advance:
        prepared = index_listing(listing, output, roots=roots, watch=advance)
    known = len(listing.videos) - prepared.indexed
    notes = [*([f"{known} videos were indexed before"] if known else []), *prepared.notes]
    short, whole = (
        report_lines(prepared.manifest, prepared.rejects, published=listing.published, shorten=shorten)
        for shorten in (True, False)
    )
    write_text(output / REPORT_FILE, "\n".join([*notes, *whole]) + "\n")
    for line in [*notes, *short]:
        say(f"  {line}")
    return prepared.manifest


def main() -> None:
    """Run the command."""
    run_job(PrepareConfig, prepare, about=__doc__)


if __name__ == "__main__":
    main()
