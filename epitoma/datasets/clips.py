"""Clips: short labelled videos, one folder a class, from which composites are made; checked and split by clip.

A clip that does not decode completely, or is a copy of another one, is a reject: a copy could be in another split than
its original.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from epitoma.core.errors import ManifestError, VideoError
from epitoma.datasets.folder import FolderConfig, list_folder
from epitoma.datasets.listing import ListedVideo, Listing
from epitoma.datasets.rejects import Reject
from epitoma.datasets.splits import SplitsConfig
from epitoma.datasets.video_files import files_below
from epitoma.files.parquet import write_parquet
from epitoma.files.presence import is_folder
from epitoma.video.index import index_video
from epitoma.video.shots import resampled_clip

# Frames are scaled to this size when a clip is checked, since only decoding matters.
_SIZE_TO_CHECK_AT = 16


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip that decodes completely.

    Attributes:
        clip_id: Path below the folder of clips.
        path: Path of the file.
        label: Class.
        duration_seconds: Time from the start of the first frame to the end of the last.
        digest: SHA-256 of the file's bytes, hexadecimal.
        split: The only split whose videos use it.
    """

    clip_id: str
    path: str
    label: str
    duration_seconds: float
    digest: str
    split: str


def list_clips(root: Path, config: SplitsConfig) -> Listing:
    """List the clips below a folder by their file names, each with its split.

    Raises:
        ManifestError: As for :func:`list_folder`, or a class folder is empty.
    """
    config = FolderConfig(
        root=root, validation_share=config.validation_share, test_share=config.test_share, seed=config.seed
    )
    listing = list_folder(config)
    folders = [child for child in sorted(root.iterdir()) if is_folder(child) and child.name[0] != "."]
    empty = [folder.name for folder in folders if not files_below(folder).videos]
    if empty:
        raise ManifestError(f"{root}: no clips in {', '.join(empty)}; add some, or remove the folder")
    return listing


def check_clip(video: ListedVideo, *, fps: int, longest_seconds: float) -> Clip | Reject:
    """Decode all frames of a clip, resampled to a frame rate; return the clip, or a reject with the reason.

    Args:
        video: The file.
        fps: Frame rate of the composites.
        longest_seconds: Upper limit (exclusive) of the clip's duration.
    """
    try:
        seconds = index_video(video.path).duration_seconds
        if seconds >= longest_seconds:
            raise VideoError(video.path, f"lasts {seconds:.1f} s, a clip must be below {longest_seconds:g} s")
        resampled_clip(video.path, fps=fps, size=_SIZE_TO_CHECK_AT)
        digest = hashlib.sha256(Path(video.path).read_bytes()).hexdigest()
    except VideoError as error:
        return Reject(video.video_id, error.path, error.reason)
    assert video.split is not None
    return Clip(
        clip_id=video.video_id,
        path=video.path,
        label=video.labels[0],
        duration_seconds=seconds,
        digest=digest,
        split=video.split,
    )


def without_copies(clips: Sequence[Clip]) -> tuple[list[Clip], list[Reject]]:
    """Keep the first of clips with the same bytes; the others are rejects."""
    first: dict[str, Clip] = {}
    rejects = []
    for clip in clips:
        original = first.setdefault(clip.digest, clip)
        if original is not clip:
            rejects.append(Reject(clip.clip_id, clip.path, f"is a copy of {original.clip_id}"))
    return list(first.values()), rejects


def write_clips(path: str | Path, clips: Sequence[Clip]) -> None:
    """Write the clips with their splits to a Parquet file, which appears whole or not at all."""
    write_parquet(Path(path), pa.Table.from_pylist([vars(clip) for clip in clips]))


def by_class(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """Group clips by class."""
    found: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        found[clip.label].append(clip)
    return dict(found)
