"""What a source says of its videos before any of them is opened: which there are, with labels and splits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from epitoma.datasets.rejects import Reject
from epitoma.datasets.schema import Interval
from epitoma.files.allowed_roots import Roots, check_inside


@dataclass(frozen=True, kw_only=True)
class ListedVideo:
    """A video by name.

    Attributes:
        video_id: Unique in the listing.
        path: Absolute path or address.
        labels: Exactly one, or any number where the listing is multi-label.
        split: None where it is still to be drawn.
        group: Videos of one group (a person, a source) must not be in two splits; None where nobody asked.
        intervals: Where its labels can be seen, in seconds, as the source says; None where it says nothing.
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
        videos: Those that can be used, as far as can be told from names alone.
        classes: Names of the classes in order.
        multi_label: Whether a video may have any number of labels instead of exactly one.
        rejects: Files and rows that are left out, each with its reason.
        notes: What a person should know about the source, a line each.
        published: Videos of each split as the dataset's publication counts them; empty where there is none.
    """

    videos: tuple[ListedVideo, ...]
    classes: tuple[str, ...]
    multi_label: bool = False
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()
    published: Mapping[str, int] = field(default_factory=dict)


def check_listing(listing: Listing, roots: Roots) -> None:
    """Refuse a source that names videos, or links to some, outside what the person gave.

    Raises:
        ManifestError: There is one; says how many, and which option would let them in.
    """
    check_videos(listing.videos, roots, source=", ".join(roots.places))


def check_videos(videos: Sequence[ListedVideo], roots: Roots, *, source: str) -> None:
    """Refuse videos that lie, or links that lead, outside what the person gave.

    Args:
        videos: The videos.
        roots: Where they may lie.
        source: What names them, for the error.

    Raises:
        ManifestError: There is one; says how many, and which option would let them in.
    """
    check_inside(
        [video.path for video in videos],
        [video.video_id for video in videos],
        roots,
        source=source,
        remedy=lambda places: f"if you mean to read them, add --allow {' --allow '.join(places)}",
    )
