"""Breakfast dataset: 52 persons make ten breakfasts, each recorded by several cameras.

Layout of the download: ``BreakfastII_15fps_qvga_sync/Pxx/{cam01,cam02,webcam01,webcam02,stereo}/Pxx_activity.avi``,
where a stereo camera has two files, ``_ch0.avi`` and ``_ch1.avi``, of which only the first is used. Persons
P03 to P46 are for training and P47 to P54 for testing, which gives 1357 and 355 videos.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from epitoma.core.errors import ManifestError
from epitoma.core.names import NOT_UTF_8, is_text
from epitoma.datasets.listing import ListedVideo, Listing
from epitoma.datasets.rejects import Reject
from epitoma.datasets.splits import check_share, hold_out_validation
from epitoma.datasets.video_files import files_below
from epitoma.files.local_paths import InputPath
from epitoma.files.presence import is_folder

CLASSES = (
    "cereals",
    "coffee",
    "friedegg",
    "juice",
    "milk",
    "pancake",
    "salat",
    "sandwich",
    "scrambledegg",
    "tea",
)
CAMERAS = ("cam01", "cam02", "webcam01", "webcam02", "stereo")
TRAIN_PERSONS = range(3, 47)
TEST_PERSONS = range(47, 55)
PUBLISHED = {"train": 1357, "test": 355}
"""Published numbers of videos."""

PUBLISHED_STEREO = {"train": 248, "test": 56}
"""Published numbers of stereo videos, included in the above."""

LEFT_OUT_BY_VIS4MER = frozenset({"P28-cam01-P28_cereals", "P28-cam02-P28_cereals", "P27-stereo-P27_milk_ch0"})

_FOLDER = "BreakfastII_15fps_qvga_sync"
_FILE = re.compile(r"(?P<person>P\d\d)_(?P<activity>[A-Za-z]+)(?:_(?P<channel>ch\d))?")


@dataclass(frozen=True, kw_only=True)
class BreakfastConfig:
    """The Breakfast dataset, from the folder as it is downloaded.

    Attributes:
        root: BreakfastII_15fps_qvga_sync, or the folder that contains it. Nothing is written to it.
        vis4mer_exclusions: Leave out the three videos that ViS4mer leaves out, for comparison with its numbers.
        validation_share: Share of the training persons whose videos become the validation split, since the dataset
            has none; 0 makes no validation split.
        seed: Seed of the choice of those persons.
    """

    root: InputPath
    vis4mer_exclusions: bool = False
    validation_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        check_share(self.validation_share)


def list_breakfast(config: BreakfastConfig) -> Listing:
    """List the videos by their file names; every other file that may be a video is a reject with its reason.

    Raises:
        ManifestError: The folder is missing, or has no videos in this layout.
    """
    root = _find(config.root)
    left_out = LEFT_OUT_BY_VIS4MER if config.vis4mer_exclusions else frozenset()
    videos: dict[str, ListedVideo] = {}
    rejects: list[Reject] = []
    found = files_below(root)
    for path in found.videos:
        listed = _listed(root, path, left_out)
        if isinstance(listed, ListedVideo) and listed.video_id in videos:
            listed = Reject(
                listed.video_id, listed.path, f"is there already as {videos[listed.video_id].path}"
            )
        if isinstance(listed, Reject):
            rejects.append(listed)
        else:
            videos[listed.video_id] = listed
    if not videos:
        raise ManifestError(f"{root}: has no videos like P03/cam01/P03_cereals.avi")
    drawn = hold_out_validation(list(videos.values()), share=config.validation_share, seed=config.seed)
    return Listing(
        videos=tuple(drawn),
        classes=CLASSES,
        rejects=tuple(rejects),
        notes=(*_missing_persons(drawn), *_stereo(drawn), *([found.note] if found.note else [])),
        published=PUBLISHED,
    )


def _find(root: Path) -> Path:
    """Find the folder of the persons; archives are often unpacked into a folder of their own name."""
    root = Path(root).absolute()
    if not is_folder(root):
        raise ManifestError(f"{root}: no such folder")
    while is_folder(root / _FOLDER):
        root = root / _FOLDER
    return root


def _listed(root: Path, path: Path, left_out: frozenset[str]) -> ListedVideo | Reject:
    place = path.relative_to(root)
    camera = place.parts[1] if len(place.parts) == 3 else ""
    name = _FILE.fullmatch(path.stem)
    video_id = f"{place.parts[0]}-{camera}-{path.stem}" if camera else place.as_posix()
    reason = _wrong_place(place, camera, name) or _left_out(video_id, left_out)
    reason = reason or ("" if is_text(str(path)) else NOT_UTF_8)
    if reason or name is None:
        return Reject(video_id, str(path), reason)
    return ListedVideo(
        video_id=video_id,
        path=str(path),
        labels=(name["activity"],),
        split=_split(name["person"]),
        group=name["person"],
    )


def _wrong_place(place: Path, camera: str, name: re.Match[str] | None) -> str:
    """Reason why a file is not a video of the dataset; empty if it is one."""
    if not camera or name is None or place.parts[0] != name["person"]:
        return "is not named like P03/cam01/P03_cereals.avi"
    if camera not in CAMERAS:
        return f"camera {camera} is none of {', '.join(CAMERAS)}"
    if name["activity"] not in CLASSES:
        return f"activity {name['activity']} is none of {', '.join(CLASSES)}"
    if _split(name["person"]) is None:
        return f"person {name['person']} is in neither split (P03 to P46 train, P47 to P54 test)"
    return _wrong_channel(camera, name["channel"])


def _wrong_channel(camera: str, channel: str | None) -> str:
    if camera == "stereo" and channel == "ch1":
        return "is the second channel of a stereo video, of which ch0 alone is used"
    expected = "ch0" if camera == "stereo" else None
    return (
        ""
        if channel == expected
        else f"{camera} has {channel or 'no channel'}, expected {expected or 'none'}"
    )


def _left_out(video_id: str, left_out: frozenset[str]) -> str:
    return "is left out as by ViS4mer" if video_id in left_out else ""


def _split(person: str) -> str | None:
    number = int(person[1:])
    return "train" if number in TRAIN_PERSONS else "test" if number in TEST_PERSONS else None


def _missing_persons(videos: Sequence[ListedVideo]) -> list[str]:
    present = {video.group for video in videos}
    wanted = [f"P{number:02d}" for number in (*TRAIN_PERSONS, *TEST_PERSONS)]
    missing = [person for person in wanted if person not in present]
    return [f"no videos of {len(missing)} of {len(wanted)} persons: {', '.join(missing)}"] if missing else []


def _stereo(videos: Sequence[ListedVideo]) -> list[str]:
    found = Counter("test" if v.split == "test" else "train" for v in videos if v.video_id.endswith("_ch0"))
    return [
        f"stereo videos for {split}: {found[split]}, published {count}"
        for split, count in PUBLISHED_STEREO.items()
        if found[split] != count
    ]
