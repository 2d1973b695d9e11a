"""Reader of a folder of videos with one folder a class.

Either `root/<class>/.../video`, for which splits are drawn, or `root/<split>/<class>/.../video`, or
`root/<class>/<split>/.../video`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from epitoma.core.errors import ManifestError
from epitoma.core.names import NOT_UTF_8, escaped, is_text
from epitoma.datasets.listing import ListedVideo, Listing
from epitoma.datasets.rejects import Reject
from epitoma.datasets.splits import SplitsConfig, draw_splits, split_named
from epitoma.datasets.video_files import files_below, is_named_like_a_video, likely_videos, video_files
from epitoma.files.local_paths import InputPath
from epitoma.files.presence import is_folder

_NAMED = 3


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
        ManifestError: The folder is missing, has no class folders or no videos, mixes splits and classes, or has splits
            for most but not all videos.
    """
    root = Path(config.root).absolute()
    folders = _class_folders(root)
    has_splits_first = _has_splits(root, folders)
    found = files_below(root)
    place, note = (0, None) if has_splits_first else _split_inside_classes(root, found.videos)
    listed = [_listed(root, path, split_place=place) for path in found.videos]
    videos = [video for video in listed if isinstance(video, ListedVideo)]
    if not videos:
        raise ManifestError(f"{root}: has no videos inside class folders ({found.note or 'no files at all'})")
    classes = {video.labels[0] for video in videos}
    return Listing(
        videos=tuple(draw_splits(videos, config)),
        classes=tuple(sorted(classes)),
        rejects=tuple(reject for reject in listed if isinstance(reject, Reject)),
        notes=tuple(each for each in (found.note, note) if each),
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


def _split_inside_classes(root: Path, files: Sequence[Path]) -> tuple[int | None, str | None]:
    """1 if every video lies in the folder of a split within that of its class, else None; a note if only some do.

    Raises:
        ManifestError: Most do, but not all: to draw splits would mix those that are given.
    """
    places = (path.relative_to(root) for path in likely_videos(files))
    inside = [place for place in places if len(place.parts) > 1]
    given = [place for place in inside if _has_split_second(place)]
    others = [place for place in inside if not _has_split_second(place)]
    if not given or not others:
        return (1 if given else None), None
    said = (
        f"{len(given)} of {len(inside)} videos lie in folders named as splits inside those of classes "
        f"({escaped(given[0].as_posix())})"
    )
    if len(given) > len(others):
        raise ManifestError(
            f"{root}: {said}, but not {_names(others)}: put {'it' if len(others) == 1 else 'them'} into the folder of "
            "a split, too; a folder that is no split needs another name"
        )
    return None, (
        f"{said}: these are taken for no splits, since the others do not lie so, and splits are drawn"
    )


def _has_split_second(place: Path) -> bool:
    return len(place.parts) > 2 and split_named(place.parts[1]) is not None


def _names(places: Sequence[Path]) -> str:
    more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
    return ", ".join(escaped(place.as_posix()) for place in places[:_NAMED]) + more


def _listed(root: Path, path: Path, *, split_place: int | None) -> ListedVideo | Reject:
    """The video at a path; ``split_place`` is where in the path its split stands, None if it has none."""
    video_id = path.relative_to(root).as_posix()
    if not is_text(str(path)):
        return Reject(video_id, str(path), NOT_UTF_8)
    folders = path.relative_to(root).parts[:-1]
    class_place = 1 if split_place == 0 else 0
    if len(folders) <= class_place:
        return Reject(video_id, str(path), "is not inside a class folder")
    split = split_named(folders[split_place]) if split_place is not None and len(folders) > 1 else None
    if split_place is not None and split is None:
        return Reject(video_id, str(path), "is not inside the folder of a split")
    return ListedVideo(
        video_id=video_id,
        path=str(path),
        labels=(folders[class_place],),
        split=split,
    )
