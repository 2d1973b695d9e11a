"""Composites that follow a script: in which order, and for how long, real videos show which action.

A script tells of each video its class, whose it is (a person), and its actions one after the other. Each action is
shown by clips of a class that stands for it, its *word*; what has no word is shown by filler. So evidence is as dense,
as ordered and as shared between classes as in the videos that the script was written from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.clip_sequences import (
    ClassClips,
    CompositeVideo,
    Story,
    Stretch,
    fill,
    frames_of,
    generator,
    joined,
    shots_of,
)
from epitoma.datasets.clips import Clip
from epitoma.datasets.composites import LookConfig, pools_of
from epitoma.datasets.csv_rows import read_csv
from epitoma.datasets.listing import ListedVideo
from epitoma.datasets.splits import draw_splits, hold_out_validation


@dataclass(frozen=True, kw_only=True)
class ScriptConfig:
    """A script, and which classes of clips show its actions.

    Attributes:
        script: CSV file with a row a segment: video, activity (the class), person, action, start_frame, end_frame.
        words: CSV file with the columns action and clip_class; filler shows what is not in it.
        script_fps: Frames a second of the script.
        test_persons: Persons whose videos are for testing; without any, shares of the persons are drawn.
    """

    script: Path
    words: Path
    script_fps: float = 15.0
    test_persons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.script_fps > 0:
            raise ConfigError(f"script_fps is {self.script_fps}, must be above 0")


@dataclass(frozen=True)
class Segment:
    """An action until a time; it begins where the one before ends."""

    action: str
    end_seconds: float


@dataclass(frozen=True, kw_only=True)
class Script:
    """What one video shows."""

    video_id: str
    split: str
    class_name: str
    segments: tuple[Segment, ...]


def scripted_story(known: Sequence[str], config: ScriptConfig, look: LookConfig) -> Story:
    """What the script says, from the classes of the clips.

    Raises:
        ManifestError: Script or words cannot be used, or a word or filler is no class of the clips.
    """
    words = read_words(config.words)
    if missing := sorted({*words.values(), *look.filler} - set(known)):
        raise ManifestError(f"{config.words}: no clips of {', '.join(missing)}; there are {', '.join(known)}")
    scripts = read_scripts(config, look)
    told = {segment.action for script in scripts for segment in script.segments}
    return Story(
        classes=tuple(sorted({script.class_name for script in scripts})),
        shown=tuple(sorted({word for action, word in words.items() if action in told})),
        splits=tuple(sorted({script.split for script in scripts})),
        plan=lambda clips: plan_scripted(clips, scripts, words, look),
    )


def read_words(file: Path) -> dict[str, str]:
    """Class of clips by action.

    Raises:
        ManifestError: The file is no such table, or has an action twice.
    """
    rows = read_csv(file, columns=["action", "clip_class"])
    words = {row["action"]: row["clip_class"] for row in rows}
    if len(words) < len(rows):
        raise ManifestError(f"{file}: has an action in more than one row")
    return words


def read_scripts(config: ScriptConfig, look: LookConfig) -> list[Script]:
    """Read all scripts, with splits that no person crosses.

    Raises:
        ManifestError: The file is no such table, its times are no numbers or do not go on, a video has two classes or
            persons, or a test person is not there.
    """
    rows_of: dict[str, list[Mapping[str, str]]] = {}
    for row in read_csv(config.script, columns=_COLUMNS):
        rows_of.setdefault(row["video"], []).append(row)
    listed = [_listed(config.script, video, rows) for video, rows in rows_of.items()]
    split_of = {video.video_id: video.split for video in _split(config, listed, look)}
    return [
        Script(
            video_id=video.video_id,
            split=str(split_of[video.video_id]),
            class_name=video.labels[0],
            segments=_segments(config, rows_of[video.video_id]),
        )
        for video in listed
    ]


def plan_scripted(
    clips: Sequence[Clip], scripts: Sequence[Script], words: Mapping[str, str], look: LookConfig
) -> list[CompositeVideo]:
    """Plan all videos; each depends on the clips, the seed and its own script only.

    An action is shown by at least one clip, and by as many as come nearest to its end in the script.
    """
    pools = pools_of(clips, look, splits={script.split for script in scripts})
    return [_plan_video(script, words, pools[script.split], look) for script in scripts]


_COLUMNS = ("video", "activity", "person", "action", "start_frame", "end_frame")


def _listed(file: Path, video: str, rows: Sequence[Mapping[str, str]]) -> ListedVideo:
    for column in ("activity", "person"):
        if len({row[column] for row in rows}) > 1:
            raise ManifestError(f"{file}: video {video} has more than one {column}")
    return ListedVideo(video_id=video, path="", labels=(rows[0]["activity"],), group=rows[0]["person"])


def _split(config: ScriptConfig, listed: Sequence[ListedVideo], look: LookConfig) -> list[ListedVideo]:
    if not config.test_persons:
        return draw_splits(listed, look)
    persons = {video.group for video in listed}
    if missing := [person for person in config.test_persons if person not in persons]:
        raise ManifestError(f"{config.script}: has no videos of the test person {', '.join(missing)}")
    given = [
        replace(video, split="test" if video.group in config.test_persons else "train") for video in listed
    ]
    return hold_out_validation(given, share=look.validation_share, seed=look.seed)


def _segments(config: ScriptConfig, rows: Sequence[Mapping[str, str]]) -> tuple[Segment, ...]:
    """Segments of a video in order; what lies between two is an action of no name."""
    segments: list[Segment] = []
    at = 0
    for row in rows:
        start, end = (_frame(config.script, row, column) for column in ("start_frame", "end_frame"))
        if not at <= start < end:
            raise ManifestError(
                f"{config.script}: segment {start} to {end} of video {row['video']} does not come after frame {at}"
            )
        if start > at:
            segments.append(Segment("", start / config.script_fps))
        segments.append(Segment(row["action"], end / config.script_fps))
        at = end
    return tuple(segments)


def _frame(file: Path, row: Mapping[str, str], column: str) -> int:
    if not row[column].isdecimal():
        raise ManifestError(
            f"{file}: {column} {row[column]!r} of video {row['video']} is no number of a frame"
        )
    return int(row[column])


def _plan_video(
    script: Script, words: Mapping[str, str], pool: ClassClips, look: LookConfig
) -> CompositeVideo:
    rng = generator(look.seed, script.video_id)
    clips: list[Clip] = []
    evidence: list[Stretch] = []
    start = 0
    for segment in script.segments:
        wanted = segment.end_seconds * look.fps - start
        word = words.get(segment.action)
        shown = fill(rng, pool[word or look.filler_name], wanted, fps=look.fps) if wanted > 0 else []
        end = start + frames_of(shown, fps=look.fps)
        if word is not None and shown:
            evidence.append(Stretch(start, end))
        clips += shown
        start = end
    return CompositeVideo(
        video_id=script.video_id,
        split=script.split,
        class_name=script.class_name,
        clips=tuple(clips),
        shots=shots_of(rng, clips, fps=look.fps, vary=look.vary),
        evidence=tuple(joined(evidence)),
    )
