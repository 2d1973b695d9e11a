"""Opening a video file with PyAV, with bounds on memory and time, and without access to other files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
from av.container import InputContainer
from av.error import ArgumentError, FFmpegError, InvalidDataError
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from epitoma.core.errors import EpitomaError, VideoError, first_line
from epitoma.core.stalls import moved, reading
from epitoma.files.uris import hide_secrets, without_secrets
from epitoma.video.remote import RemoteFile, open_source

MAX_PIXELS = 8192 * 4352
"""Largest frame that is decoded: 8K. A header with more is damaged, and decoding it would take gigabytes."""

# FFmpeg also opens pictures and plain text, as "videos" of one frame: refused.
_PICTURE_FORMATS = ("image2", "_pipe", "tty")
# Time after which FFmpeg is interrupted: it may loop over a damaged file.
_TIMEOUT_SECONDS = 20.0
# A damaged sample table can list the same bytes again and again; the packets of a good file fit into its size.
_MAX_OVERREAD = 4
_SPARE_BYTES = 1_000_000

# Excluded formats: they open other files, hosts or devices, which the user has not allowed.
_PLAYLISTS = {"concat", "concatf", "dash", "hls", "imf", "rtp", "rtsp", "sap", "sdp", "webm_dash_manifest"}
_DEVICES = {"alsa", "fbdev", "kmsgrab", "lavfi", "oss", "video4linux2,v4l2", "x11grab"}
_SIBLINGS = {"mlv", "vobsub"}

# The cover of an album and the thumbnails of a film are video streams too.
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails

_OPTIONS = {
    "max_pixels": str(MAX_PIXELS),
    "format_whitelist": ",".join(sorted(av.formats_available - _PLAYLISTS - _DEVICES - _SIBLINGS)),
    "protocol_whitelist": "file",
}


@dataclass(frozen=True)
class OpenVideo:
    """An open file and its best video stream, by FFmpeg's choice.

    Attributes:
        name: The file's name in errors, without secrets.
        container: The open file.
        stream: The stream that is decoded.
        source: What the file is read from.
        path: What it was opened by.
        films: How many video streams it could be; pictures that go with a film are none.
    """

    name: str
    container: InputContainer
    stream: VideoStream
    source: str | RemoteFile
    path: str | Path = field(repr=False)  # A signed URL holds a secret.
    films: int = 1

    @property
    def size_bytes(self) -> int:
        """Size of the whole file."""
        return os.path.getsize(self.source) if isinstance(self.source, str) else self.source.size

    @property
    def bytes_read(self) -> int:
        """Bytes fetched over the network so far; 0 for a local file."""
        return 0 if isinstance(self.source, str) else self.source.bytes_read

    def packets(self) -> Iterator["Packet[VideoStream]"]:
        """Demux packets from the current position to the end of the file, or to where it is damaged.

        Raises:
            VideoError: The packets together are far larger than the file.
        """
        room = _MAX_OVERREAD * self.size_bytes + _SPARE_BYTES
        try:
            for packet in self.container.demux(self.stream):
                moved()
                room -= max(packet.size, 1)
                if room < 0:
                    raise VideoError(self.name, "its table of frames is damaged (holds more than the file)")
                if packet.size:
                    yield packet
        except InvalidDataError:
            return  # The rest cannot be read; wanted frames in it are counted as missing by the caller.
        except IndexError:
            return  # PyAV raises it at the end of damaged files that add a stream in the middle.

    def packets_from_keyframe(self) -> Iterator["Packet[VideoStream]"]:
        """Demux packets from the next keyframe on: nothing before it can be decoded."""
        packets = self.packets()
        for packet in packets:
            if packet.is_keyframe:
                yield packet
                yield from packets


@contextmanager
def open_video(path: str | Path) -> Iterator[OpenVideo]:
    """Open a file's video stream; any error in that and in the block is a VideoError, so that it costs this video only.

    Args:
        path: A local path or a URI.

    Raises:
        VideoError: The file is missing, empty, not a video, sound only, or claims frames beyond MAX_PIXELS.
    """
    # A signed URL holds a secret.
    name = without_secrets(str(path))
    with reading(), _telling_of(name), open_source(path) as source, _opened(name, source) as container:
        stream, films = _video_stream(name, container)
        _check_size(name, stream)
        # One thread: parallelism is across videos.
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        yield OpenVideo(name, container, stream, source, path, films)


@contextmanager
def _telling_of(name: str) -> Iterator[None]:
    """Make any error of the block one of this video."""
    try:
        yield
    except EpitomaError:
        raise
    except FFmpegError as error:
        raise VideoError(name, f"cannot be read as a video ({error.strerror})") from error
    except Exception as error:  # Nobody knows all that a file, or a disk, can do to a decoder.
        reason = hide_secrets(f"{type(error).__name__}: {first_line(error)}")
        raise VideoError(name, f"cannot be read as a video ({reason})") from error


def _opened(name: str, source: str | RemoteFile) -> InputContainer:
    try:
        return av.open(
            source, mode="r", options=_OPTIONS, timeout=_TIMEOUT_SECONDS, metadata_errors="replace"
        )
    except ArgumentError as error:  # FFmpeg's error for a format that is not in the whitelist.
        raise VideoError(
            name, "is damaged, or a playlist, whose videos are to be named themselves"
        ) from error


def _video_stream(name: str, container: InputContainer) -> tuple[VideoStream, int]:
    """The stream to decode, and the number of streams that it was chosen from."""
    if any(part in container.format.name for part in _PICTURE_FORMATS):
        raise VideoError(name, f"is not a video (looks like {container.format.name})")
    films = [stream for stream in container.streams.video if not stream.disposition & _PICTURES]
    if not films:
        kinds = sorted({s.type for s in container.streams})
        raise VideoError(name, f"has no video stream (streams: {', '.join(kinds) or 'none'})")
    best = container.streams.best("video")
    film = next((stream for stream in films if stream is best), films[0])
    if film.codec_context is None:
        raise VideoError(name, "its codec is unknown")
    return film, len(films)


def _check_size(name: str, stream: VideoStream) -> None:
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MAX_PIXELS:
        raise VideoError(name, f"claims frames of {width} x {height} pixels, more than 8K")
