"""Search for video files below a folder: all files that may be videos, and how many others there are.

Whether a file is a video is for FFmpeg to say when it is opened: a file that is none becomes a reject with the reason.
Only files whose suffix says that they are something else, and hidden ones, are not opened; they are counted, so that
no file disappears without a word.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_VIDEOS = """
    3g2 3gp asf avi divx dv f4v flv gif m2t m2ts m2v m4v mkv mod mov mp4 mpeg mpg mts mxf nut ogm ogv qt rm rmvb ts vob
    webm wmv wtv
"""
# Text and tables; annotations and subtitles; pictures; archives; arrays and models; unfinished downloads, checksums.
_OTHERS = """
    csv doc docx htm html ini ipynb json jsonl log md nfo odt pdf ppt pptx py rst rtf sh toml tsv txt url xls xlsx xml
    yaml yml  ass eaf idx lab labels srt ssa sub vtt  bmp heic jpeg jpg png svg tif tiff webp
    7z bz2 gz rar tar tgz xz zip  ckpt db h5 hdf5 mat npy npz onnx parquet pickle pkl pt pth safetensors sqlite
    aria2 crdownload md5 part sha1 sha256 tmp torrent ytdl
"""

VIDEO_SUFFIXES = frozenset(f".{name}" for name in _VIDEOS.split())
"""Usual suffixes of videos; files of any other suffix, and without one, may be videos too."""

OTHER_SUFFIXES = frozenset(f".{name}" for name in _OTHERS.split())
"""Suffixes of files that are not meant as videos."""

# Files without a suffix that stand beside videos.
_DOCUMENTS = frozenset(
    {"authors", "changelog", "copying", "licence", "license", "makefile", "notice", "readme"}
)

HIDDEN = "hidden"


@dataclass(frozen=True, kw_only=True)
class FilesBelow:
    """Files below a folder.

    Attributes:
        videos: Files that may be videos, in a stable order.
        left_out: Number of other files, by suffix; hidden files and folders count as HIDDEN.
    """

    videos: tuple[Path, ...]
    left_out: Counter[str]

    @property
    def note(self) -> str | None:
        """Line that says what was left out; None if nothing was."""
        named = ", ".join(f"{count} {name}" for name, count in self.left_out.most_common())
        return f"not taken for videos: {named}" if named else None


def files_below(root: Path) -> FilesBelow:
    """List every file below a folder; links are followed, hidden folders are not entered.

    Raises:
        OSError: A folder cannot be listed: what is in it would disappear without a word.
    """
    videos, left_out = [], Counter()
    for folder, folders, files in os.walk(root, followlinks=True, onerror=_raised):
        left_out[HIDDEN] += sum(map(_is_hidden, folders))
        # In place: os.walk descends into what is left in this list, in its order.
        folders[:] = sorted(name for name in folders if _is_entered(folder, name))
        for name in sorted(files):
            other = _other_kind(name)
            if other is None:
                videos.append(Path(folder, name))
            else:
                left_out[other] += 1
    return FilesBelow(videos=tuple(videos), left_out=+left_out)


def video_files(root: Path) -> Iterator[Path]:
    """Yield every file below a folder whose suffix is one that videos usually have, in a stable order."""
    yield from filter(is_named_like_a_video, files_below(root).videos)


def likely_videos(files: Sequence[Path]) -> Sequence[Path]:
    """The files that are named like videos, or all where none is: by these it is told how a folder is laid out."""
    return [file for file in files if is_named_like_a_video(file)] or files


def is_named_like_a_video(path: str | Path) -> bool:
    """Whether the suffix of a file is one that videos usually have."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def _other_kind(name: str) -> str | None:
    """What a file is counted as that is not meant as a video; None for a file that may be one."""
    if _is_hidden(name):
        return HIDDEN
    suffix = Path(name).suffix.lower()
    return suffix if suffix in OTHER_SUFFIXES else name if name.lower() in _DOCUMENTS else None


def _raised(error: OSError) -> None:
    raise error


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _is_entered(folder: str, name: str) -> bool:
    """Whether to descend into a folder: not if it is hidden, nor if it is a link to a parent, which would never end."""
    path = os.path.join(folder, name)
    if _is_hidden(name):
        return False
    return not (
        os.path.islink(path) and Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(path))
    )
