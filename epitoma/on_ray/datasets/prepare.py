"""Making a dataset in parallel: indexing existing videos, or encoding synthetic ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from epitoma.core.errors import ManifestError
from epitoma.core.progress import Watch
from epitoma.datasets.index_parts import IndexParts, file_state
from epitoma.datasets.indexed import interval_notes, stream_notes, video_row
from epitoma.datasets.listing import ListedVideo, Listing
from epitoma.datasets.manifest import Manifest, write_manifest
from epitoma.datasets.rejects import Reject, write_rejects
from epitoma.datasets.schema import VideoRow
from epitoma.datasets.synthetic import (
    SyntheticConfig,
    SyntheticVideo,
    class_names,
    plan_dataset,
    write_synthetic_video,
)
from epitoma.files.allowed_roots import Roots, write_roots
from epitoma.on_ray.cluster.parallel import in_parallel
from epitoma.on_ray.cluster.placement import task_for
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.on_ray.decode.indexing import index_files
from epitoma.video.index import index_video
from epitoma.video.index_table import INDEX_FILE, index_row, row_index, write_indices

MANIFEST_FILE = "manifest.parquet"
REJECTS_FILE = "rejects.parquet"
PARTS_FOLDER = "index_parts"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Result of preparing a dataset.

    Attributes:
        manifest: Manifest of the videos that can be used.
        rejects: Files and rows that cannot be used, each with its reason.
        indexed: Number of videos that were indexed now; the others were indexed by an earlier job.
        notes: Notes for the user, a line each.
    """

    manifest: Manifest
    rejects: list[Reject]
    indexed: int
    notes: list[str]


def index_listing(listing: Listing, output: Path, *, roots: Roots, watch: Watch) -> Prepared:
    """Index every listed video on all CPU workers, and write manifest, index and rejects.

    Indices are written to the output folder as they come in. An interrupted job continues where it stopped, and one
    with other options indexes only files that are new or have changed.

    Args:
        listing: The videos, each with a split, checked to lie within the roots.
        output: Folder of the dataset; nothing is written anywhere else.
        roots: Folders and addresses in which the videos may lie, now and whenever the manifest is read.
        watch: Called with progress.

    Raises:
        ManifestError: None of the videos can be used.
    """
    output.mkdir(parents=True, exist_ok=True)
    write_roots(output, roots)
    parts = IndexParts(output / PARTS_FOLDER)
    state_of = {video.video_id: file_state(video.path) for video in listing.videos}
    known = parts.states()
    missing = [video for video in listing.videos if state_of[video.video_id] not in known]
    unreadable = _index(missing, state_of, parts, logs=output / "logs", watch=watch) if missing else []
    rejects = [*listing.rejects, *unreadable]
    write_rejects(output / REJECTS_FILE, rejects)
    indices = parts.rows({state: video_id for video_id, state in state_of.items()})
    videos = [video for video in listing.videos if video.video_id in indices]
    _check_any(videos, listing, rejects)
    indexed = {video.video_id: row_index(indices[video.video_id]) for video in videos}
    rows = [video_row(video, indexed[video.video_id]) for video in videos]
    manifest = write_dataset(
        output,
        rows,
        [indices[row.video_id] for row in rows],
        classes=_classes(listing, videos),
        multi_label=listing.multi_label,
    )
    parts.compact(set(state_of.values()))
    notes = [*listing.notes, *interval_notes(videos, rows), *stream_notes(indexed)]
    return Prepared(manifest=manifest, rejects=rejects, indexed=len(missing), notes=notes)


def make_synthetic(config: SyntheticConfig, folder: Path, *, watch: Watch) -> Manifest:
    """Render and encode the synthetic dataset on all CPU workers, and write its manifest and index.

    Args:
        config: Number, classes, length and format of the videos.
        folder: Folder for videos, manifest and index.
        watch: Called with progress.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write = task_for("decode", _write_and_index)
    written = in_parallel(
        lambda video: write.remote(video, config, folder.absolute()), plan_dataset(config), watch
    )
    rows, indices = zip(*written, strict=True)
    return write_dataset(folder, rows, indices, classes=class_names(config), multi_label=False)


def write_dataset(
    folder: Path,
    rows: Sequence[VideoRow],
    indices: Iterable[Mapping[str, Any]],
    *,
    classes: Sequence[str],
    multi_label: bool,
) -> Manifest:
    """Write index and manifest; the manifest last, so that a dataset with a manifest is complete.

    Args:
        folder: Folder of the dataset.
        rows: Rows of the manifest.
        indices: Rows of INDEX_SCHEMA.
        classes: Names of the classes, in order.
        multi_label: Whether a video may have any number of labels instead of exactly one.
    """
    write_indices(folder / INDEX_FILE, indices)
    return write_manifest(folder / MANIFEST_FILE, rows, classes=classes, multi_label=multi_label)


def index_made(row: VideoRow) -> dict[str, Any]:
    """Index a video that was just encoded; returns its row of INDEX_SCHEMA."""
    return index_row(row.video_id, index_video(row.path))


def _write_and_index(
    video: SyntheticVideo, config: SyntheticConfig, folder: Path
) -> tuple[VideoRow, dict[str, Any]]:
    row = write_synthetic_video(video, config, folder)
    return row, index_made(row)


def _index(
    videos: Sequence[ListedVideo], state_of: Mapping[str, str], parts: IndexParts, *, logs: Path, watch: Watch
) -> list[Reject]:
    """Index videos, and write their indices as they come in; returns those that cannot be read."""
    rejects: list[Reject] = []
    done = 0
    with ray_session(logs=logs):
        for results in index_files(videos, state_of):
            parts.write([result.row for result in results if result.row is not None])
            rejects += [Reject(r.video_id, r.path, r.reason) for r in results if r.reason is not None]
            done += len(results)
            watch(done, len(videos))
    return rejects


def _classes(listing: Listing, videos: Sequence[ListedVideo]) -> tuple[str, ...]:
    """Classes of a listing without those that are none, since no file of theirs is a video."""
    used = {label for video in videos for label in video.labels}
    return tuple(name for name in listing.classes if name in used or name not in listing.doubtful)


def _check_any(videos: Sequence[ListedVideo], listing: Listing, rejects: Sequence[Reject]) -> None:
    if not videos:
        path, reason = rejects[-1].path, rejects[-1].reason
        raise ManifestError(
            f"none of {len(listing.videos)} videos can be used (one of them: {path}: {reason})"
        )
