"""Making composite videos in parallel: one task per clip to check, then one per video to encode."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from epitoma.core.progress import Watch
from epitoma.datasets.clip_sequences import CompositeVideo
from epitoma.datasets.clips import Clip, check_clip, without_copies, write_clips
from epitoma.datasets.composite_files import write_composite
from epitoma.datasets.composites import LookConfig
from epitoma.datasets.listing import ListedVideo, Listing
from epitoma.datasets.made_videos import made_file
from epitoma.datasets.manifest import Manifest
from epitoma.datasets.rejects import Reject
from epitoma.datasets.schema import VideoRow
from epitoma.on_ray.cluster.parallel import in_parallel
from epitoma.on_ray.cluster.placement import task_for
from epitoma.on_ray.datasets.prepare import index_made, write_dataset
from epitoma.on_ray.decode.attempts import Attempts, Unreadable

CLIPS_FILE = "clips.parquet"


@dataclass(frozen=True, kw_only=True)
class Composed:
    """Result of making composites.

    Attributes:
        manifest: Manifest of all videos.
        encoded: Number of videos that were encoded now; the others existed already.
    """

    manifest: Manifest
    encoded: int


def check_clips(
    listing: Listing, *, fps: int, longest_seconds: float, watch: Watch
) -> tuple[list[Clip], list[Reject]]:
    """Decode every clip once, on all CPU workers; clips that are damaged, or copies of others, are rejects."""
    # Without end, because nodes come and go; a clip that ends its worker is given up by `attempts`.
    check = task_for("decode", _check, max_retries=-1)
    attempts = Attempts.start()
    checked = in_parallel(
        lambda video: check.remote(video, fps, longest_seconds, attempts), listing.videos, watch
    )
    clips, copies = without_copies([clip for clip in checked if isinstance(clip, Clip)])
    return clips, [*listing.rejects, *(clip for clip in checked if isinstance(clip, Reject)), *copies]


def make_composites(
    clips: Sequence[Clip],
    planned: Sequence[CompositeVideo],
    config: LookConfig,
    folder: Path,
    *,
    classes: Sequence[str],
    watch: Watch,
) -> Composed:
    """Encode and index the videos on all CPU workers, and write ``clips.parquet`` (each clip's split) and manifest.

    Existing videos are kept, so that an interrupted job continues where it stopped.

    Args:
        clips: The clips.
        planned: The videos, of these clips.
        config: Format of the videos.
        folder: Folder for videos, ``clips.parquet``, manifest and index.
        classes: Names of the videos' classes in order.
        watch: Called with progress.

    Raises:
        VideoError: A clip cannot be read any more, or ends the process that reads it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_clips(folder / CLIPS_FILE, clips)
    write, attempts = task_for("decode", _write_and_index, max_retries=-1), Attempts.start()
    written = in_parallel(
        lambda video: write.remote(video, config, folder.absolute(), attempts),
        planned,
        watch,
    )
    rows, indices, are_new = zip(*written, strict=True)
    manifest = write_dataset(folder, rows, indices, classes=classes, multi_label=False)
    return Composed(manifest=manifest, encoded=sum(are_new))


def _check(video: ListedVideo, fps: int, longest_seconds: float, attempts: Attempts) -> Clip | Reject:
    def check() -> Clip | Reject:
        return check_clip(video, fps=fps, longest_seconds=longest_seconds)

    checked = attempts.read(video.video_id, video.video_id, check)
    if isinstance(checked, Unreadable):
        return Reject(video.video_id, video.path, checked.reason)
    return checked


def _write_and_index(
    video: CompositeVideo, config: LookConfig, folder: Path, attempts: Attempts
) -> tuple[VideoRow, dict[str, Any], bool]:
    def write() -> tuple[VideoRow, dict[str, Any], bool]:
        row, is_new = write_composite(video, config, folder)
        return row, index_made(row), is_new

    # Each clip could be read a moment ago. Which one cannot now is not known if it ends the process.
    return attempts.read_or_raise("write", video.video_id, f"a clip of {made_file(video, folder)}", write)
