"""Reader of a folder of videos with one folder a class.

Either `root/<class>/.../video`, for which splits are drawn, or `root/<split>/<class>/.../video`, or
`root/<class>/<split>/.../video`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from epitoma.core.errors import ManifestError
from epitoma.core.names import NOT_UTF_8, is_text
from epitoma.datasets.listing import ListedVideo, Listing
from epitoma.datasets.rejects import Reject
from epitoma.datasets.splits import SplitsConfig, draw_splits, split_named
from epitoma.datasets.video_files import files_below, is_named_like_a_video, video_files
from epitoma.files.local_paths import InputPath
from epitoma.files.presence import is_folder


@dataclass(frozen=True, kw_only=True)
class FolderConfig(SplitsConfig):
    """Your videos, one folder a class; train/, validation/ (val/, dev/) and test/ may hold them, or lie in each.

    Attributes:
        root: The folder. Nothing is written to it; the manifest refers to the videos where they are.
    """

    root: InputPath


def list_folder(config: FolderConfig) -> Listing:
    """List every file below the folder that may be a video; rejects are outside a class folder, or of a name not UTF-8.

    Which of them are videos shows when they are opened.

    Raises:
        ManifestError: The folder is missing, has no class folders or no videos, or mixes splits and classes.
    """
    root = Path(config.root).absolute()
    folders = _class_folders(root)
    has_splits_first = _has_splits(root, folders)
    found = files_below(root)
    place = 0 if has_splits_first else _split_inside_classes(root, found.videos)
    listed = [_listed(root, path, split_place=place) for path in found.videos]
    videos = [video for video in listed if isinstance(video, ListedVideo)]
    if not videos:
        raise ManifestError(f"{root}: has no videos inside class folders ({found.note or 'no files at all'})")
    classes = {video.labels[0] for video in videos}
    return Listing(
        videos=tuple(draw_splits(videos, config)),
        classes=tuple(sorted(classes)),
        rejects=tuple(reject for reject in listed if isinstance(reject, Reject)),
        notes=(found.note,) if found.note else (),
        doubtful=frozenset(classes - {v.labels[0] for v in videos if is_named_like_a_video(v.path)}),
    )


def _class_folders(root: Path) -> list[Path]:
    if not is_folder(root):
        raise ManifestError(f"{root}: no such folder")
    folders = [
        child for child in sorted(root.iterdir()) if is_folder(child) and not child.name.startswith(".")
    ]
    if not folders:
        raise ManifestError(f"{root}: has no class folders; put each class's videos in a folder of its name")
    return folders


def _has_splits(root: Path, folders: list[Path]) -> bool:
    """Whether the folders are splits; a mixture of splits and classes is an error, since it could lose videos."""
    splits = [folder.name for folder in folders if split_named(folder.name)]
    others = [folder for folder in folders if splits and folder.name not in splits]
    classes = [folder.name for folder in others if next(video_files(folder), None)]
    if classes:
        raise ManifestError(
            f"{root}: has {'/, '.join(splits)}/ and, beside it, videos in {', '.join(classes)}: put the folders of "
            "classes into those of splits; a class that has the name of a split needs another name"
        )
    return bool(splits)


def _split_inside_classes(root: Path, files: Sequence[Path]) -> int | None:
    """1 if every video lies in the folder of a split within that of its class, so that this is what it means."""
    videos = [path.relative_to(root).parts for path in files if is_named_like_a_video(path)]
    inside = [parts for parts in videos if len(parts) > 1]
    return 1 if inside and all(len(parts) > 2 and split_named(parts[1]) for parts in inside) else None


def _listed(root: Path, path: Path, *, split_place: int | None) -> ListedVideo | Reject:
    """The video at a path; ``split_place`` is where in the path its split stands, None if it has none."""
    video_id = path.relative_to(root).as_posix()
    if not is_text(str(path)):
        return Reject(video_id, str(path), NOT_UTF_8)
    folders = path.relative_to(root).parts[:-1]
    if len(folders) < (1 if split_place is None else 2):
        return Reject(video_id, str(path), "is not inside a class folder")
    split = None if split_place is None else split_named(folders[split_place])
    if split_place is not None and split is None:
        return Reject(video_id, str(path), "is not inside the folder of a split")
    return ListedVideo(
        video_id=video_id,
        path=str(path),
        labels=(folders[1 if split_place == 0 else 0],),
        split=split,
    )
