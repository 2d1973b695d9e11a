"""Reader of a folder of videos with one folder a class.

Either `root/<class>/.../video`, for which splits are drawn, or `root/<split>/<class>/.../video`.
"""

from dataclasses import dataclass
from pathlib import Path

from epitoma.core.errors import ManifestError
from epitoma.core.names import NOT_UTF_8, is_text
from epitoma.datasets.listing import ListedVideo, Listing
from epitoma.datasets.rejects import Reject
from epitoma.datasets.splits import SPLIT_OF_NAME, SplitsConfig, draw_splits
from epitoma.datasets.video_files import VIDEO_SUFFIXES, video_files
from epitoma.files.local_paths import InputPath


@dataclass(frozen=True, kw_only=True)
class FolderConfig(SplitsConfig):
    """Your videos, one folder a class, or train/, validation/ (val/, valid/) and test/ with class folders inside.

    Attributes:
        root: The folder. Nothing is written to it; the manifest refers to the videos where they are.
    """

    root: InputPath


def list_folder(config: FolderConfig) -> Listing:
    """List every video below the folder by its file name; videos outside a class folder, or with a name that
    is not UTF-8, are rejects.

    Raises:
        ManifestError: The folder is missing, has no class folders or no videos, or mixes splits and classes.
    """
    root = Path(config.root).absolute()
    folders = _class_folders(root)
    has_splits = _has_splits(root, folders)
    listed = [_listed(root, path, has_splits=has_splits) for path in video_files(root)]
    videos = [video for video in listed if isinstance(video, ListedVideo)]
    if not videos:
        suffixes = " ".join(sorted(VIDEO_SUFFIXES))
        raise ManifestError(f"{root}: has no videos ({suffixes}) inside class folders")
    return Listing(
        videos=tuple(draw_splits(videos, config)),
        classes=tuple(sorted({video.labels[0] for video in videos})),
        rejects=tuple(reject for reject in listed if isinstance(reject, Reject)),
    )


def _class_folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise ManifestError(f"{root}: no such folder")
    folders = [child for child in sorted(root.iterdir()) if child.is_dir() and not child.name.startswith(".")]
    if not folders:
        raise ManifestError(f"{root}: has no class folders; put each class's videos in a folder of its name")
    return folders


def _has_splits(root: Path, folders: list[Path]) -> bool:
    """Whether the folders are splits; a mixture of splits and classes is an error, since it could lose videos."""
    others = [folder.name for folder in folders if folder.name not in SPLIT_OF_NAME]
    if "train" not in {folder.name for folder in folders}:
        return not others
    others = [name for name in others if next(video_files(root / name), None)]
    if others:
        raise ManifestError(f"{root}: has train/ and, beside it, videos in {', '.join(others)}")
    return True


def _listed(root: Path, path: Path, *, has_splits: bool) -> ListedVideo | Reject:
    video_id = path.relative_to(root).as_posix()
    if not is_text(str(path)):
        return Reject(video_id, str(path), NOT_UTF_8)
    parts = path.relative_to(root).parts
    if len(parts) < 2 + has_splits:
        return Reject(video_id, str(path), "is not inside a class folder")
    return ListedVideo(
        video_id=video_id,
        path=str(path),
        labels=(parts[int(has_splits)],),
        split=SPLIT_OF_NAME[parts[0]] if has_splits else None,
    )
