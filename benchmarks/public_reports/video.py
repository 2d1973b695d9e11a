"""Frames out of order, clocks that start again, the wrong stream, colours: what a file shows, by position."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from benchmarks.footage import footage
from benchmarks.public_reports.cases import Seen, case
from benchmarks.public_reports.commands import epitoma
from epitoma.video.decode import FrameRequest, decode_frames, decode_requests
from epitoma.video.index import index_video
from epitoma.video.scale import SquareScaler
from tests.video import odd_files

SIZE = 64


@case
def h264_with_b_frames_in_avi(folder: Path) -> Seen:
    """AVI has times of decoding only: 33 of 150 frames were never shown."""
    return in_place(encoded(folder / "h.avi", "libx264", bf=3))


@case
def mpeg4_with_b_frames_in_avi(folder: Path) -> Seen:
    """MPEG-4 with B frames, one in a packet."""
    return in_place(encoded(folder / "m.avi", "mpeg4", bf=2))


@case
def packed_frames_in_avi(folder: Path) -> Seen:
    """Two frames in a packet, as Breakfast and HMDB51 have it: 148 of 150 were one place off."""
    return in_place(odd_files.packed(encoded(folder / "m.avi", "mpeg4", bf=2), folder / "packed.avi"))


@case
def packed_frames_with_gaps_in_avi(folder: Path) -> Seen:
    """The same, where a camera fell behind."""
    plain = encoded(folder / "m.avi", "mpeg4", bf=2)
    return in_place(odd_files.packed(plain, folder / "late.avi", late=(10, 11, 60)))


@case
def joined_transport_streams(folder: Path) -> Seen:
    """``cat a.ts b.ts``: 150 of 300 frames were shown, two recordings mixed."""
    parts = encoded(folder / "a.ts", "libx264", bf=2), encoded(folder / "b.ts", "libx264", bf=2, seed=1)
    return in_place(odd_files.joined(*parts, folder / "joined.ts"))


@case
def joined_program_streams(folder: Path) -> Seen:
    """``cat a.mpg b.mpg``."""
    parts = (
        encoded(folder / "a.mpg", "mpeg2video", bf=2),
        encoded(folder / "b.mpg", "mpeg2video", bf=2, seed=1),
    )
    return in_place(odd_files.joined(*parts, folder / "joined.mpg"))


@case
def a_start_that_an_edit_list_hides(folder: Path) -> Seen:
    """A film cut with ``-c copy``."""
    film = encoded(folder / "film.mp4", "libx264", bf=3)
    return in_place(odd_files.cut_by_edit_list(film, folder / "cut.mp4", seconds=1.3))


@case
def a_picture_before_the_film(folder: Path) -> Seen:
    """Several streams, the first a picture: the film is prepared, and which stream that is, is said."""
    videos = folder / "videos"
    for split in ("train", "test"):
        (videos / split / "tea").mkdir(parents=True)
        film = encoded(folder / f"{split}.mkv", "libx264", bf=2)
        odd_files.with_thumbnail_first(film, videos / split / "tea" / f"{split}.mkv")
    done = epitoma("prepare", "folder", "--root", videos, "--output", folder / "data", folder=folder)
    said = next(
        (line.strip() for line in done.printed.splitlines() if "several videos" in line), done.last_line
    )
    seen = in_place(videos / "train" / "tea" / "train.mkv")
    return Seen(ok=seen.ok and done.code == 0 and "(stream 1)" in said, said=f"{seen.said}; {said}")


@case
def two_films_of_which_the_second_is_meant(folder: Path) -> Seen:
    """Two whole films in a file, the second marked as the one to show: FFmpeg's choice is ours."""
    films = [encoded(folder / f"{seed}.mp4", "libx264", bf=2, seed=seed) for seed in (0, 1)]
    both = odd_files.with_two_films(*films, folder / "both.mkv", meant=1)
    seen = in_place(both)
    ((ours,),) = decode_frames(both, index_video(both), np.array([40]), sizes=(SIZE,))
    is_second = np.array_equal(ours, plain_pictures(films[1])[40])
    return Seen(ok=seen.ok and is_second, said=f"{seen.said}, the second film: {is_second}")


@case
def a_circle_of_wide_pixels(folder: Path) -> Seen:
    """720 x 576 with pixels of 64:45: a circle is 140 wide and 199 high, as docs/video.md says."""
    path = folder / "wide.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(64, 45)
        high, wide = np.ogrid[:576, :720]
        circle = (high - 288) ** 2 + ((wide - 360) * 64 / 45) ** 2 <= 256**2
        picture = np.repeat(np.uint8(255) * circle[..., None], 3, axis=2)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    ((shown,),) = decode_frames(path, index_video(path), np.array([0]), sizes=(224,))
    lit = shown.mean(axis=2) > 128
    width, height = int(lit.any(axis=0).sum()), int(lit.any(axis=1).sum())
    ok = abs(width - 140) <= 1 and abs(height - 199) <= 1
    return Seen(ok=ok, said=f"{width} wide, {height} high")


@case
def white_of_every_matrix_and_range(folder: Path) -> Seen:
    """White that is tagged BT.709 came out as 252; so may that of other matrices, and of the full range."""
    levels = {}
    for matrix in ("bt470bg", "bt709", "bt2020nc"):
        for colour_range, level in (("tv", 235), ("pc", 255)):
            path = _white(folder / f"{matrix}_{colour_range}.mp4", matrix, colour_range, level=level)
            ((shown,),) = decode_frames(path, index_video(path), np.array([0]), sizes=(SIZE,))
            levels[path.stem] = int(shown.min())
    return Seen(ok=min(levels.values()) >= 254, said=f"white is {levels}")


def _white(path: Path, matrix: str, colour_range: str, *, level: int) -> Path:
    parameters = f"qp=0:colormatrix={matrix}:range={colour_range}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": parameters})
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame(SIZE, SIZE, "yuv420p")
        for plane, value in zip(frame.planes, (level, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def encoded(path: Path, codec: str, *, bf: int, seed: int = 0) -> Path:
    """150 frames of moving pictures."""
    frames = list(footage(150, width=160, height=120))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"bf": str(bf)})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.gop_size = 50
        for number, picture in enumerate(frames[::-1] if seed else frames):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def in_place(path: Path) -> Seen:
    """Whether frame n is the n-th picture of a plain decode, for every n, all at once and one by one."""
    plain, index = plain_pictures(path), index_video(path)
    everything = np.arange(index.frame_count)
    single = np.random.default_rng(0).choice(index.frame_count, 12, replace=False)
    requests = [everything, *(single[i : i + 1] for i in range(len(single)))]
    wrong = replaced = 0
    for frames in requests:
        decoded = decode_requests(path, index, [FrameRequest(frame_indices=frames, size=SIZE)])
        replaced += decoded.replaced
        pairs = zip(frames.tolist(), decoded.pictures[0], strict=True)
        wrong += sum(n >= len(plain) or not np.array_equal(picture, plain[n]) for n, picture in pairs)
    ok = len(plain) == index.frame_count and not wrong and not replaced
    return Seen(
        ok=ok,
        said=f"{len(plain)} pictures, {index.frame_count} frames, {wrong} in the wrong place, {replaced} replaced",
    )


def plain_pictures(path: Path) -> list[np.ndarray]:
    """Every picture, in the order in which the decoder gives them."""
    scaler, pictures = SquareScaler(size=SIZE, rotation=0), []
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.best("video")):
            pictures.append(np.empty((SIZE, SIZE, 3), np.uint8))
            scaler.scale_into(pictures[-1], frame)
    return pictures
