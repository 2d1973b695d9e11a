"""Listing of videos for inference: a folder, a pattern, a manifest, or a single file or address."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from operator import not_
from pathlib import Path

from epitoma.core.errors import ManifestError
from epitoma.core.names import NOT_UTF_8, is_text
from epitoma.datasets.listing import ListedVideo, check_videos
from epitoma.datasets.manifest import read_manifest
from epitoma.datasets.rejects import Reject
from epitoma.datasets.video_files import files_below
from epitoma.files.allowed_roots import Roots
from epitoma.files.presence import is_file, is_folder, is_there
from epitoma.files.uris import is_address
from epitoma.video.index_table import StoredIndices

MANIFEST_SUFFIX = ".parquet"


@dataclass(frozen=True, kw_only=True)
class Unlabelled:
    """Videos without labels.

    Attributes:
        videos: The videos, in the order of the source.
        indices: Stored indices; videos without one are indexed when they are opened.
        rejects: Files whose names are not UTF-8, and links that lead out of the source, to nothing.
        note: Line about files of a folder that are not taken for videos, if there are any.
    """

    videos: tuple[ListedVideo, ...]
    indices: StoredIndices
    rejects: tuple[Reject, ...] = ()
    note: str | None = None


def list_unlabelled(source: str, *, allow: Sequence[str] = ()) -> Unlabelled:
    """List videos by name without opening them.

    Args:
        source: A folder (with everything below it), a pattern such as ``videos/**/*.mp4``, a manifest, one file, or one
            address.
        allow: Further folders and addresses below which videos may be, as targets of links for example.

    Raises:
        ManifestError: There are no videos, the manifest is bad, or videos are outside the allowed places.
    """
    path = Path(source)
    if not is_address(source) and path.suffix == MANIFEST_SUFFIX and is_file(path):
        manifest = read_manifest(path)
        named = zip(manifest.video_ids, manifest.resolved_paths(), strict=True)
        return Unlabelled(videos=_videos(named), indices=StoredIndices.beside(path))
    named, root, note = _found(source)
    if not named:
        others = f" ({note})" if note else ""
        raise ManifestError(
            f"no videos at {source}{others}: give a folder of them, a pattern in quotes such as 'videos/**/*.mp4', a "
            "manifest, or a file"
        )
    roots = Roots((root, *Roots.given(allow, source="--allow").places))
    videos, gone = _allowed(_videos([each for each in named if is_text(each[1])]), roots, source=source)
    rejects = (*(Reject(*each, NOT_UTF_8) for each in named if not is_text(each[1])), *gone)
    return Unlabelled(videos=videos, indices=StoredIndices(None), rejects=rejects, note=note)


def _allowed(
    videos: Sequence[ListedVideo], roots: Roots, *, source: str
) -> tuple[tuple[ListedVideo, ...], list[Reject]]:
    """Videos below the allowed places, and rejects for links that lead to nothing.

    Raises:
        ManifestError: Other videos are not below the places.
    """
    try:
        check_videos(videos, roots, source=source)
    except ManifestError:
        # A link to nothing lies nowhere, and no place that could be allowed would let it in.
        is_gone = [not is_address(video.path) and not is_there(video.path) for video in videos]
        if not any(is_gone):
            raise
        others = tuple(compress(videos, map(not_, is_gone)))
        check_videos(others, roots, source=source)
        return others, [
            Reject(each.video_id, each.path, "no such file") for each in compress(videos, is_gone)
        ]
    return tuple(videos), []


def _videos(named: "zip[tuple[str, str]] | Sequence[tuple[str, str]]") -> tuple[ListedVideo, ...]:
    return tuple(ListedVideo(video_id=video_id, path=path, labels=()) for video_id, path in named)


def _found(source: str) -> tuple[list[tuple[str, str]], str, str | None]:
    """Ids and absolute paths of what may be videos, the place below which they were searched, and a note on others."""
    if is_address(source):
        return [(source.rpartition("/")[2].partition("?")[0], source)], source, None
    path, note = Path(os.path.abspath(source)), None
    if is_folder(path):
        below = files_below(path)
        files, root, note = below.videos, path, below.note
    elif os.path.lexists(path):
        # A link that is named explicitly may lead anywhere, so its target's folder is the allowed place.
        return [(path.name, str(path))], os.path.dirname(os.path.realpath(path)), None
    else:
        root = _folder_that_is_there(path)
        pattern = str(path.relative_to(root))
        found = {root / name for name in glob.iglob(pattern, root_dir=root, recursive=True)}
        # Pipes, broken links and what cannot be looked up become rejects when they are opened.
        files = sorted(file for file in found if not os.path.isdir(file))
    return [(file.relative_to(root).as_posix(), str(file)) for file in files], str(root), note


def _folder_that_is_there(pattern: Path) -> Path:
    """Longest leading folder of a pattern that is there by this very name: one may be called ``[x]``."""
    return next(folder for folder in pattern.parents if is_folder(folder))
