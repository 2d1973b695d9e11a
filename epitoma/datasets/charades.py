"""Charades dataset: people act out everyday scripts at home; a video shows any number of 157 actions.

Layout of the download: ``Charades_v1_train.csv`` and ``Charades_v1_test.csv`` (7985 and 1863 rows), and the
videos ``<id>.mp4`` in a folder such as ``Charades_v1_480``. The column ``actions`` gives classes with start and end
in seconds, "c092 11.90 21.20;c147 0.00 12.60", and is empty for some videos.

Videos without actions do not count in the official evaluation (Charades_v1_classify.m): its reader skips their ids, so
they get the score minus infinity, rank last for every class, and change no average precision. Leaving them out of the
test split gives the same mAP.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.core.names import NOT_UTF_8, is_text
from epitoma.datasets.csv_rows import read_csv
from epitoma.datasets.listing import ListedVideo, Listing
from epitoma.datasets.rejects import Reject
from epitoma.datasets.schema import SPLITS, Interval
from epitoma.datasets.splits import check_share, hold_out_validation
from epitoma.datasets.video_files import files_below, is_named_like_a_video, likely_videos
from epitoma.files.local_paths import InputPath
from epitoma.files.presence import is_file, is_folder, is_there

PUBLISHED = {"train": 7985, "test": 1863}
ANNOTATIONS = {"train": "Charades_v1_train.csv", "test": "Charades_v1_test.csv"}
CLASS_NAMES = "Charades_v1_classes.txt"

CODES = tuple(f"c{number:03d}" for number in range(157))
Unlabelled = Literal["official", "keep", "drop"]

_ACTION = re.compile(r"(c\d{3}) (\d+(?:\.\d+)?) (\d+(?:\.\d+)?)")
_NO_ACTIONS = {
    "official": "has no actions, and so does not count in the official evaluation",
    "drop": "has no actions",
}


@dataclass(frozen=True, kw_only=True)
class CharadesConfig:
    """The Charades dataset, from the folder as it is downloaded.

    Attributes:
        root: Folder with Charades_v1_train.csv, Charades_v1_test.csv and a folder of <id>.mp4. It is only read.
        annotations: Folder of the two CSV files, if it is neither the root nor its folder Charades.
        videos: Folder of the videos, if several folders below the root have videos.
        unlabelled: Treatment of videos without actions. official: those of validation and test are left out, which
            gives the mAP of the official evaluation, those of train are kept as negatives; keep: all are kept as
            negatives of every class; drop: all are left out.
        named_classes: Name classes "c008 Opening a door" instead of "c008", from Charades_v1_classes.txt.
        validation_share: Share of the training subjects whose videos become the validation split, since the dataset
            has none; 0 makes no validation split.
        seed: Seed of the choice of those subjects.
    """

    root: InputPath
    annotations: InputPath | None = None
    videos: InputPath | None = None
    unlabelled: Unlabelled = "official"
    named_classes: bool = False
    validation_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        check_share(self.validation_share)


def list_charades(config: CharadesConfig) -> Listing:
    """List the videos of both annotation files; missing, unlisted and unusable ones are rejects with their reasons.

    Raises:
        ManifestError: A file or column is missing, or an id appears twice.
        ConfigError: There are several folders of videos to choose from.
    """
    annotations = _annotations(config)
    folder = _video_folder(config)
    found = files_below(folder)
    files, rejects = _files(found.videos)
    names = _class_names(annotations) if config.named_classes else {}
    listed = [
        _listed(row, split, files.get(row["id"], folder / f"{row['id']}.mp4"), names)
        for split, file_name in ANNOTATIONS.items()
        for row in read_csv(annotations / file_name, columns=("id", "subject", "actions"))
    ]
    _check_ids(annotations, listed)
    rejects += [entry for entry in listed if isinstance(entry, Reject)]
    rejects += _spare(files, {entry.video_id for entry in listed})
    videos = [entry for entry in listed if isinstance(entry, ListedVideo)]
    drawn = hold_out_validation(videos, share=config.validation_share, multi_label=True, seed=config.seed)
    left_out = [video for video in drawn if _is_left_out(video, config.unlabelled)]
    rejects += [Reject(video.video_id, video.path, _NO_ACTIONS[config.unlabelled]) for video in left_out]
    return Listing(
        videos=tuple(video for video in drawn if not _is_left_out(video, config.unlabelled)),
        classes=tuple(names.get(code, code) for code in CODES),
        multi_label=True,
        rejects=tuple(rejects),
        notes=(*_unlabelled(drawn, config.unlabelled), *([found.note] if found.note else [])),
        published=PUBLISHED,
    )


def _annotations(config: CharadesConfig) -> Path:
    """Find the folder of the annotation files; the archive unpacks into a folder named Charades."""
    root = Path(config.root).absolute()
    if not is_folder(root):
        raise ManifestError(f"{root}: no such folder")
    places = [config.annotations] if config.annotations else [root, root / "Charades"]
    for place in places:
        if all(is_file(place / name) for name in ANNOTATIONS.values()):
            return place
    wanted = " and ".join(ANNOTATIONS.values())
    raise ManifestError(
        f"no {wanted} in {' or '.join(map(str, places))}; name their folder with --annotations"
    )


def _video_folder(config: CharadesConfig) -> Path:
    if config.videos is not None:
        return config.videos.absolute()
    root = Path(config.root).absolute()
    folders = sorted({path.parent for path in likely_videos(files_below(root).videos)})
    if not folders:
        raise ManifestError(f"{root}: holds no videos; name their folder with --videos")
    if len(folders) > 1:
        shown = ", ".join(str(folder.relative_to(root)) for folder in folders[:5])
        raise ConfigError(f"{root}: several folders hold videos ({shown}); name one of them with --videos")
    return folders[0]


def _files(found: Sequence[Path]) -> tuple[dict[str, Path], list[Reject]]:
    """Videos by id, and rejects for further files with the same id; of these one that is named like a video counts."""
    files: dict[str, Path] = {}
    rejects = []
    for path in sorted(found, key=is_named_like_a_video, reverse=True):
        if path.stem in files:
            rejects.append(Reject(path.stem, str(path), f"is there already as {files[path.stem]}"))
        else:
            files[path.stem] = path
    return files, rejects


def _class_names(annotations: Path) -> dict[str, str]:
    file = annotations / CLASS_NAMES
    if not is_file(file):
        raise ManifestError(f"no file at {file}, which --named-classes needs")
    names = {line[:4]: line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()}
    missing = [code for code in CODES if code not in names]
    if missing:
        raise ManifestError(f"{file}: has no line for {len(missing)} classes, {missing[0]} for example")
    return names


def _listed(row: Mapping[str, str], split: str, path: Path, names: Mapping[str, str]) -> ListedVideo | Reject:
    actions = [text for text in row["actions"].split(";") if text.strip()]
    wrong = [text for text in actions if not _is_action(text)]
    if wrong:
        expected = f"expected {CODES[0]} to {CODES[-1]} with start and end in seconds"
        return Reject(row["id"], str(path), f"action {wrong[0]!r} cannot be read, {expected}")
    if not is_there(path):
        return Reject(row["id"], str(path), "no such file")
    if not is_text(str(path)):
        return Reject(row["id"], str(path), NOT_UTF_8)
    intervals = tuple(_interval(text, names) for text in actions)
    return ListedVideo(
        video_id=row["id"],
        path=str(path),
        labels=tuple(sorted({interval.label for interval in intervals})),
        split=split,
        group=row["subject"] or None,
        intervals=intervals,
    )


def _is_action(text: str) -> bool:
    match = _ACTION.fullmatch(text.strip())
    return match is not None and match[1] in CODES


def _interval(text: str, names: Mapping[str, str]) -> Interval:
    code, start, end = text.split()
    return Interval(start_seconds=float(start), end_seconds=float(end), label=names.get(code, code))


def _check_ids(annotations: Path, listed: Sequence[ListedVideo | Reject]) -> None:
    repeated = [video_id for video_id, count in Counter(e.video_id for e in listed).items() if count > 1]
    if repeated:
        raise ManifestError(
            f"{annotations}: {len(repeated)} ids appear more than once in the annotation files, "
            f"{repeated[0]} for example"
        )


def _spare(files: Mapping[str, Path], known: set[str]) -> list[Reject]:
    return [
        Reject(video_id, str(path), "is in neither annotation file")
        for video_id, path in files.items()
        if video_id not in known
    ]


def _is_left_out(video: ListedVideo, unlabelled: Unlabelled) -> bool:
    is_scored = video.split != "train"
    return not video.labels and (unlabelled == "drop" or (unlabelled == "official" and is_scored))


def _unlabelled(videos: Sequence[ListedVideo], unlabelled: Unlabelled) -> Iterator[str]:
    for split in SPLITS:
        empty = [video for video in videos if video.split == split and not video.labels]
        if empty:
            fate = "left out" if _is_left_out(empty[0], unlabelled) else "kept, as videos that show no class"
            yield f"{len(empty)} videos for {split} have no actions: {fate} (--unlabelled {unlabelled})"
