"""Listing: the videos of a source with labels and splits, before any of them is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from epitoma.datasets.rejects import Reject
from epitoma.datasets.schema import Interval
from epitoma.files.allowed_roots import Roots, check_inside


@dataclass(frozen=True, kw_only=True)
class ListedVideo:
    """A video that has not been opened.

    Attributes:
        video_id: Id, unique in the listing.
        path: Absolute path or address.
        labels: Exactly one label, or any number in a multi-label listing.
        split: Split; None if it has yet to be drawn.
        group: Group (a person, a source) whose videos must all be in one split; None without groups.
        intervals: Intervals that show its labels, in seconds, as annotated; None if not annotated.
    """

    video_id: str
    path: str
    labels: tuple[str, ...]
    split: str | None = None
    group: str | None = None
    intervals: tuple[Interval, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The videos of a source.

    Attributes:
        videos: Usable videos, as far as their names tell.
        classes: Names of the classes in order.
        multi_label: Whether a video may have any number of labels instead of exactly one.
        rejects: Files and rows that are left out, each with its reason.
        notes: Remarks on the source for the user, one line each.
        doubtful: Classes of which no file is named like a video: without one that can be read they are no classes.
        published: Published number of videos of each split; empty if there is no publication.
    """

    videos: tuple[ListedVideo, ...]
    classes: tuple[str, ...]
    multi_label: bool = False
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()
    doubtful: frozenset[str] = frozenset()
    published: Mapping[str, int] = field(default_factory=dict)


def check_listing(listing: Listing, roots: Roots) -> None:
    """Check that all videos of a listing are, after following links, below the allowed places.

    Raises:
        ManifestError: Some are not; the message has their number and the option that would allow them.
    """
    check_videos(listing.videos, roots, source=", ".join(roots.places))


def check_videos(videos: Sequence[ListedVideo], roots: Roots, *, source: str) -> None:
    """Check that all videos are, after following links, below the allowed places.

    Args:
        videos: The videos.
        roots: Allowed places.
        source: Source of the videos, for the error message.

    Raises:
        ManifestError: Some are not; the message has their number and the option that would allow them.
    """
    check_inside(
        [video.path for video in videos],
        [video.video_id for video in videos],
        roots,
        source=source,
        remedy=lambda places: f"if you mean to read them, add --allow {' --allow '.join(places)}",
    )
