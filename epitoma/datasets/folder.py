"""A folder of videos, one folder a class, as rows of a manifest.

Either `root/<class>/.../video` (splits are drawn, stable for a seed), or `root/<split>/<class>/.../video`.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from epitoma.datasets.rejects import Reject
from epitoma.datasets.schema import VideoRow
from epitoma.errors import ConfigError, ManifestError, VideoError
from epitoma.video.index import index_video

VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts"})

_SPLIT_OF_FOLDER = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}


@dataclass(frozen=True, kw_only=True)
class FolderVideo:
    """One video file below a class folder; `split` is None where splits are still to be drawn."""

    video_id: str
    path: Path
    label: str
    split: str | None


def scan_folder(
    root: Path, *, validation_share: float, test_share: float, seed: int
) -> tuple[list[VideoRow], list[Reject]]:
    """Index every video below a folder; each becomes a row or, with its reason, a reject.

    Args:
        root: Holds a folder for each class, or train/, validation/ (val/, valid/) and test/ that do.
        validation_share: Share of each class's videos for validation, where splits are drawn.
        test_share: Likewise for test.
        seed: Draws the splits.

    Returns:
        Rows with absolute paths, sorted by video id, and rejects.

    Raises:
        ManifestError: The folder is missing or holds no class folders, no videos, or no readable ones.
        ConfigError: The shares are negative, or leave nothing for training.
    """
    if min(validation_share, test_share) < 0 or validation_share + test_share >= 1:
        raise ConfigError(f"shares {validation_share} and {test_share} must not be negative and sum below 1")
    videos, rejects = list_videos(root)
    indexed = [index_folder_video(video) for video in videos]
    rows = [row for row in indexed if isinstance(row, VideoRow)]
    rejects += [reject for reject in indexed if isinstance(reject, Reject)]
    if not rows:
        first = rejects[0]
        raise ManifestError(
            f"{root}: none of {len(rejects)} videos can be used (first: {first.path}: {first.reason})"
        )
    drawn = draw_splits(rows, validation_share=validation_share, test_share=test_share, seed=seed)
    return drawn, rejects


def list_videos(root: Path) -> tuple[list[FolderVideo], list[Reject]]:
    """Find the video files without opening them; those outside a class folder are rejects.

    Raises:
        ManifestError: The folder is missing or holds no class folders or no videos.
    """
    root = Path(root).absolute()
    if not root.is_dir():
        raise ManifestError(f"{root}: no such folder")
    folders = [child for child in sorted(root.iterdir()) if child.is_dir() and not child.name.startswith(".")]
    if not folders:
        raise ManifestError(f"{root}: has no class folders; put each class's videos in a folder of its name")
    has_splits = _has_splits(root, folders)
    videos, rejects = [], []
    for path in _video_files(root):
        parts = path.relative_to(root).parts
        if len(parts) < 2 + has_splits:
            rejects.append(Reject(_video_id(root, path), str(path), "is not inside a class folder"))
        else:
            split = _SPLIT_OF_FOLDER[parts[0]] if has_splits else None
            label = parts[int(has_splits)]
            videos.append(FolderVideo(video_id=_video_id(root, path), path=path, label=label, split=split))
    if not videos:
        suffixes = " ".join(sorted(VIDEO_SUFFIXES))
        raise ManifestError(f"{root}: has no videos ({suffixes}) inside class folders")
    return videos, rejects


def index_folder_video(video: FolderVideo) -> VideoRow | Reject:
    """Open one video: its row, with an empty split where that is to be drawn, or its reject."""
    try:
        index = index_video(video.path)
    except VideoError as error:
        return Reject(video.video_id, error.path, error.reason)
    return VideoRow(
        video_id=video.video_id,
        path=str(video.path),
        split=video.split or "",
        labels=(video.label,),
        duration_seconds=index.duration_seconds,
        fps=index.fps,
        frame_count=index.frame_count,
    )


def draw_splits(
    rows: list[VideoRow], *, validation_share: float, test_share: float, seed: int
) -> list[VideoRow]:
    """Give rows without a split one, class by class: ids are ranked by a hash with the seed and cut.

    A class of three videos or more gets at least one in every split whose share is above 0.
    """
    ids_of_class: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if not row.split:
            ids_of_class[row.labels[0]].append(row.video_id)
    split_of: dict[str, str] = {}
    for ids in ids_of_class.values():
        ranked = sorted(ids, key=lambda video_id: hashlib.sha256(f"{seed}/{video_id}".encode()).digest())
        validation, test = _split_sizes(len(ids), validation_share, test_share)
        for rank, video_id in enumerate(ranked):
            split_of[video_id] = (
                "test" if rank < test else "validation" if rank < test + validation else "train"
            )
    return [row if row.split else replace(row, split=split_of[row.video_id]) for row in rows]


def _split_sizes(count: int, validation_share: float, test_share: float) -> tuple[int, int]:
    """How many of a class go to validation and test; training keeps one at least, then test comes first."""
    test = max(round(count * test_share), 1 if test_share > 0 else 0)
    validation = max(round(count * validation_share), 1 if validation_share > 0 else 0)
    test = min(test, count - 1)
    return min(validation, count - 1 - test), test


def _has_splits(root: Path, folders: list[Path]) -> bool:
    """Whether the folders are splits; a mixture could lose videos silently, so it is an error."""
    others = [folder.name for folder in folders if folder.name not in _SPLIT_OF_FOLDER]
    if "train" not in {folder.name for folder in folders}:
        return not others
    others = [name for name in others if next(_video_files(root / name), None)]
    if others:
        raise ManifestError(f"{root}: has train/ and, beside it, videos in {', '.join(others)}")
    return True


def _video_files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file() and not is_hidden:
            yield path


def _video_id(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
