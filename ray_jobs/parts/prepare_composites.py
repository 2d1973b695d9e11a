"""Composites as a job: which clips, in which splits, shown in which order, and what is written."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from epitoma.core.errors import ConfigError
from epitoma.datasets.clip_sequences import Story
from epitoma.datasets.clip_table import FoldsConfig, list_clip_table
from epitoma.datasets.clips import list_clips
from epitoma.datasets.composites import CompositeConfig, LookConfig, check_supply, random_story
from epitoma.datasets.listing import Listing, check_listing
from epitoma.datasets.manifest import Manifest
from epitoma.datasets.rejects import write_rejects
from epitoma.datasets.scripts import ScriptConfig, scripted_story
from epitoma.files.allowed_roots import Roots
from epitoma.files.claims import claimed
from epitoma.files.local_paths import InputPath
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.on_ray.datasets.composites import Composed, check_clips, make_composites
from epitoma.on_ray.datasets.prepare import REJECTS_FILE
from epitoma.reporting.console import phase, say
from ray_jobs.parts.dataset_output import PREPARE, Prepare, check_output

Config = TypeVar("Config", bound=LookConfig)


@dataclass(frozen=True, kw_only=True)
class PrepareComposites(CompositeConfig, FoldsConfig, Prepare):
    """Minutes-long videos with known evidence, put together from short clips: at random, or as a script has it.

    Attributes:
        clips: Folder of class folders with clips, or of train/, validation/ and test/ with class folders inside.
        clips_table: CSV file of clips in their place, split by what they were cut from (see --group-column, --fold).
        script: CSV file with a row a segment (video, activity, person, action, start_frame, end_frame) that videos
            follow, in place of evidence at random; the activity is the class.
        words: CSV file with the columns action and clip_class: which clips show an action. Filler shows the others.
        script_fps: Frames a second of the script.
        test_persons: Persons of the script whose videos are for testing; without any, shares are drawn.
    """

    clips: InputPath | None = None
    clips_table: InputPath | None = None
    script: InputPath | None = None
    words: InputPath | None = None
    script_fps: float = 15.0
    test_persons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        CompositeConfig.__post_init__(self)
        FoldsConfig.__post_init__(self)

    def _check(self) -> None:
        """Refuse options that do not go together."""
        if (self.clips is None) == (self.clips_table is None):
            raise ConfigError("give either --clips, a folder of clips, or --clips-table, a list of them")
        if (self.script is None) != (self.words is None):
            raise ConfigError("--script and --words go together: a script, and which clips show its actions")
        if self.clips_table is None:
            self._refuse(_own_fields(FoldsConfig), without="--clips-table")
        if self.script is None:
            self._refuse(("script_fps", "test_persons"), without="--script")
        else:
            self._refuse(_own_fields(CompositeConfig), beside="--script")

    def _refuse(self, names: Sequence[str], *, without: str = "", beside: str = "") -> None:
        """Refuse options that are given and would do nothing."""
        defaults = {field.name: field.default for field in fields(self)}
        for name in names:
            if getattr(self, name) != defaults[name]:
                where = f"beside {beside}" if beside else f"without {without}"
                raise ConfigError(f"--{name.replace('_', '-')} does nothing {where}")

    def make(self) -> Manifest:
        """Check the clips, and encode the videos that the output does not have with the same settings."""
        self._check()
        source = self.clips_table.parent if self.clips_table else self.clips
        assert source is not None
        check_output(self.output, source=source)
        listing = list_clip_table(self.clips_table, self) if self.clips_table else list_clips(source, self)
        check_listing(listing, Roots.given((source, *self.allow), source="prepare"))
        for note in listing.notes:
            say(f"  {note}")
        story = self._story(listing.classes)
        with claimed(self.output, by=PREPARE), ray_session(logs=self.output / "logs"):
            composed = self._composed(listing, story)
        known = len(composed.manifest) - composed.encoded
        if known:
            say(f"  {known} of {len(composed.manifest)} videos were there already")
        return composed.manifest

    def _story(self, known: Sequence[str]) -> Story:
        """What the videos show, from the classes of the clips."""
        # Run as a command, this class is in `__main__`, which workers cannot import: they get its base class.
        config = _base(CompositeConfig, self)
        if self.script is None or self.words is None:
            return random_story(known, config)
        script = ScriptConfig(
            script=self.script,
            words=self.words,
            script_fps=self.script_fps,
            test_persons=self.test_persons,
        )
        return scripted_story(known, script, config)

    def _composed(self, listing: Listing, story: Story) -> Composed:
        """Check the clips, and encode the videos."""
        with phase("check clips", unit="clips") as advance:
            clips, rejects = check_clips(
                listing, fps=self.fps, longest_seconds=self.min_seconds, watch=advance
            )
        write_rejects(self.output / REJECTS_FILE, rejects)
        for reject in rejects:
            say(f"  rejected {reject.path}: {reject.reason}")
        check_supply(clips, story.shown, filler=self.filler, splits=story.splits)
        with phase("compose videos") as advance:
            return make_composites(
                clips,
                story.plan(clips),
                _base(LookConfig, self),
                self.output,
                classes=story.classes,
                watch=advance,
            )


def _own_fields(config: type) -> list[str]:
    """Options that a config adds to those of its parents."""
    return list(config.__annotations__)


def _base(kind: type[Config], config: LookConfig) -> Config:
    """The part of a config that a parent of its class has."""
    return kind(**{field.name: getattr(config, field.name) for field in fields(kind)})
