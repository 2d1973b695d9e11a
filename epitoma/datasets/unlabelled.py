"""Videos that are to be recognised: a folder of them, a pattern, a manifest, or a single file or address."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from epitoma.core.errors import ManifestError
from epitoma.datasets.listing import ListedVideo, check_videos
from epitoma.datasets.manifest import read_manifest
from epitoma.datasets.video_files import VIDEO_SUFFIXES, video_files
from epitoma.files.allowed_roots import Roots
from epitoma.files.uris import is_address
from epitoma.video.index_table import StoredIndices

MANIFEST_SUFFIX = ".parquet"


@dataclass(frozen=True, kw_only=True)
class Unlabelled:
    """Videos without labels.

    Attributes:
        videos: In the order in which they are told about.
        indices: Those that are stored already; the others are indexed when they are opened.
    """

    videos: tuple[ListedVideo, ...]
    indices: StoredIndices


def list_unlabelled(source: str, *, allow: Sequence[str] = ()) -> Unlabelled:
    """List videos by name; none of them is opened.

    Args:
        source: A folder (all below it), a pattern such as ``videos/**/*.mp4``, a manifest, one file, or one address.
        allow: Further folders and addresses that videos may lie below: links may lead there.

    Raises:
        ManifestError: There are none, the manifest is bad, or some lie outside what was given.
    """
    path = Path(source)
    if not is_address(source) and path.suffix == MANIFEST_SUFFIX and path.is_file():
        manifest = read_manifest(path)
        named = zip(manifest.video_ids, manifest.resolved_paths(), strict=True)
        return Unlabelled(videos=_videos(named), indices=StoredIndices.beside(path))
    named, root = _found(source)
    if not named:
        suffixes = " ".join(sorted(VIDEO_SUFFIXES))
        raise ManifestError(
            f"no videos at {source}: give a folder of them ({suffixes}), a pattern in quotes such as "
            "'videos/**/*.mp4', a manifest, or a file"
        )
    videos = _videos(named)
    check_videos(videos, Roots((root, *Roots.given(allow, source="--allow").places)), source=source)
    return Unlabelled(videos=videos, indices=StoredIndices(None))


def _videos(named: "zip[tuple[str, str]] | Sequence[tuple[str, str]]") -> tuple[ListedVideo, ...]:
    return tuple(ListedVideo(video_id=video_id, path=path, labels=()) for video_id, path in named)


def _found(source: str) -> tuple[list[tuple[str, str]], str]:
    """Ids and absolute paths of the videos of a source, and the place below which they were looked for."""
    if is_address(source):
        return [(source.rpartition("/")[2].partition("?")[0], source)], source
    path = Path(os.path.abspath(source))
    if path.is_dir():
        files, root = list(video_files(path)), path
    elif path.is_file():
        # Whoever names one file means what it leads to.
        return [(path.name, str(path))], str(path.resolve().parent)
    else:
        root = _fixed_part(path)
        files = sorted({Path(file) for file in glob.iglob(str(path), recursive=True) if os.path.isfile(file)})
    return [(file.relative_to(root).as_posix(), str(file)) for file in files], str(root)


def _fixed_part(pattern: Path) -> Path:
    """The folder that a pattern starts at."""
    plain = pattern
    while glob.has_magic(str(plain)):
        plain = plain.parent
    return plain
