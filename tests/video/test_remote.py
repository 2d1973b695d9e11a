import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import boto3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from epitoma.core.errors import VideoError
from epitoma.video.compose import write_video
from epitoma.video.decode import FrameRequest, decode_requests
from epitoma.video.index import index_video
from epitoma.video.remote import BLOCK_BYTES, RemoteFile, open_remote, open_source
from epitoma.video.transports import Patience
from tests.video import range_server
from tests.video.range_server import Answer, RangeServer, after, serving, until

PATIENT = Patience(connect_seconds=10, silence_seconds=10, attempts=2, total_seconds=30)
"""For what ends by itself: no busy machine makes it seem silent."""

SILENT = Patience(connect_seconds=10, silence_seconds=0.3, attempts=2, total_seconds=30)
"""For servers that say nothing."""

HURRIED = Patience(connect_seconds=10, silence_seconds=10, attempts=2, total_seconds=1.5)
"""For what no silence ends."""
DATA = np.random.default_rng(0).bytes(11 * BLOCK_BYTES + 1234)


@pytest.fixture(autouse=True)
def _private_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sends a person's credentials anywhere, nor loopback requests through a proxy."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], RangeServer]]:
    with serving() as start:
        yield start


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def put_on_s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], str]:
    """Store an object and give its URI; the environment says where S3 is."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="bucket")

    def put(key: str, data: bytes) -> str:
        client.put_object(Bucket="bucket", Key=key, Body=data)
        return f"s3://bucket/{key}"

    return put


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.one_of(st.none(), st.integers(-1, 5 * BLOCK_BYTES))),
        st.tuples(st.just("seek"), st.integers(-3, len(DATA) + 9), st.just(os.SEEK_SET)),
        st.tuples(st.just("seek"), st.integers(-2 * BLOCK_BYTES, 2 * BLOCK_BYTES), st.just(os.SEEK_CUR)),
        st.tuples(st.just("seek"), st.integers(-len(DATA) - 9, 9), st.just(os.SEEK_END)),
    ),
    max_size=12,
)


@pytest.mark.hypothesis
def test_reads_and_seeks_are_those_of_a_file_in_memory(serve):
    server = serve(DATA)

    @given(STEPS)
    def check(steps):
        memory = io.BytesIO(DATA)
        with open_remote(server.uri) as remote:
            for method, *arguments in steps:
                assert _outcome(remote, method, arguments) == _outcome(memory, method, arguments)
                assert remote.tell() == memory.tell()

    check()


def _outcome(file: io.IOBase, method: str, arguments: list[int]) -> object:
    try:
        return getattr(file, method)(*arguments)
    except ValueError:
        return ValueError


def test_a_read_fetches_its_block_and_reading_on_asks_for_more_at_once(serve):
    server = serve(DATA)
    with open_remote(server.uri) as file:
        assert (file.size, file.requests, file.bytes_read) == (len(DATA), 1, BLOCK_BYTES)
        file.seek(5 * BLOCK_BYTES + 100)
        assert file.requests == 1
        assert file.read(10) == DATA[5 * BLOCK_BYTES + 100 :][:10]
        assert (file.requests, file.bytes_read) == (2, 2 * BLOCK_BYTES)
        file.seek(0)
        assert file.read() == DATA
        assert file.bytes_read == server.bytes_sent == len(DATA)
        assert file.requests == server.requests < len(DATA) / BLOCK_BYTES


def test_a_jump_in_a_long_file_fetches_one_block_again_and_memory_stays_small(serve):
    server = serve(bytes(12 << 20))
    with open_remote(server.uri) as file:
        for _ in range(10):
            file.read(1 << 20)
        assert file.requests < 25
        assert sum(map(len, file._blocks.values())) <= 4 << 20
        file.seek(1 << 20)
        before = file.bytes_read
        file.read(1)
        assert file.bytes_read == before + BLOCK_BYTES


@dataclass(frozen=True)
class LongVideo:
    """A minute of noise with a keyframe every two seconds, and what three of its groups of pictures are."""

    path: Path
    starts: tuple[int, ...]
    groups_bytes: int
    header_bytes: int
    frames: list[np.ndarray]


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> LongVideo:
    path = tmp_path_factory.mktemp("long") / "noise.mp4"
    rng = np.random.default_rng(0)
    noise = (rng.integers(0, 256, (120, 160, 3), dtype=np.uint8) for _ in range(60 * 15))
    write_video(path, noise, fps=15, gop=30, crf=30)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        keyframes = [i for i, p in enumerate(packets) if p.is_keyframe]
        chosen = [keyframes[n] for n in (7, 15, 26)]
        groups_bytes = sum(p.size for start in chosen for p in packets[start : start + 30])
        header_bytes = path.stat().st_size - sum(p.size for p in packets)
        starts = tuple(packets[start].pts for start in chosen)
    return LongVideo(path, starts, groups_bytes, header_bytes, decode_groups(str(path), starts))


def decode_groups(source: str | RemoteFile, starts: tuple[int, ...]) -> list[np.ndarray]:
    frames: list[np.ndarray] = []
    with av.open(source) as container:
        stream = container.streams.video[0]
        for start in starts:
            container.seek(start, stream=stream)
            decoded = container.decode(stream)
            frames += [next(decoded).to_ndarray(format="gray") for _ in range(30)]
    return frames


def check_three_groups(uri: str, video: LongVideo) -> None:
    """Decode three groups of pictures: the frames are those of the local file, and so are the bytes, nearly."""
    with open_source(uri) as file:
        assert isinstance(file, RemoteFile)
        frames = decode_groups(file, video.starts)
        jumps = 2 + len(video.starts)  # To the start, to the header at the end, to each group.
        assert file.bytes_read <= video.groups_bytes + video.header_bytes + jumps * 2 * BLOCK_BYTES
        assert file.bytes_read < file.size / 5
    assert len(frames) == 90
    assert all(np.array_equal(*pair) for pair in zip(frames, video.frames, strict=True))


def test_three_groups_of_pictures_over_http(serve, long_video):
    server = serve(long_video.path.read_bytes())
    check_three_groups(server.uri, long_video)
    assert server.bytes_sent < long_video.path.stat().st_size / 5


def test_three_groups_of_pictures_from_s3(put_on_s3, long_video):
    check_three_groups(put_on_s3("folder/noise.mp4", long_video.path.read_bytes()), long_video)


def test_three_groups_of_pictures_by_a_file_uri(long_video):
    check_three_groups(long_video.path.as_uri(), long_video)


def test_a_plan_fetches_its_groups_of_pictures_and_says_how_many_bytes(serve, long_video):
    server = serve(long_video.path.read_bytes())
    index = index_video(long_video.path)
    wanted = np.concatenate([index.keyframes[n] + np.arange(30) for n in (7, 15, 26)])
    view = FrameRequest(frame_indices=wanted, size=64)
    decoded, local = (
        decode_requests(server.uri, index, [view]),
        decode_requests(long_video.path, index, [view]),
    )
    assert np.array_equal(decoded.pictures[0], local.pictures[0])
    assert decoded.replaced == local.bytes_read == 0
    jumps = 2 + 3
    assert decoded.bytes_read <= long_video.groups_bytes + long_video.header_bytes + jumps * 2 * BLOCK_BYTES
    assert decoded.bytes_read == server.bytes_sent


def test_damage_of_a_video_elsewhere_is_that_of_the_local_file(serve, long_video, tmp_path):
    """A new decoder is made for what comes after it, for which the file is opened once more."""
    index, content = index_video(long_video.path), bytearray(long_video.path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 500] = bytes(500)
    (tmp_path / "hole.mp4").write_bytes(content)
    server = serve(bytes(content))
    view = FrameRequest(frame_indices=np.arange(0, index.frame_count, 3), size=64)
    elsewhere, local = (decode_requests(path, index, [view]) for path in (server.uri, tmp_path / "hole.mp4"))
    assert elsewhere.replaced == local.replaced > 0
    assert np.array_equal(elsewhere.pictures[0], local.pictures[0])
    assert elsewhere.bytes_read == server.bytes_sent


def test_an_index_of_a_video_elsewhere_is_that_of_the_local_file(serve, long_video):
    server = serve(long_video.path.read_bytes())
    remote, local = index_video(server.uri), index_video(long_video.path)
    assert np.array_equal(remote.pts, local.pts)
    assert np.array_equal(remote.keyframes, local.keyframes)
    assert remote.size_bytes == local.size_bytes == long_video.path.stat().st_size


def test_a_local_path_is_given_as_it_is(long_video, tmp_path):
    with open_source(long_video.path) as source:
        assert source == str(long_video.path)
    (tmp_path / "empty.mp4").touch()
    for name, reason in (
        ("gone.mp4", "no such file"),
        ("empty.mp4", "the file is empty"),
        ("", "is not a file"),
    ):
        with pytest.raises(VideoError, match=reason), open_source(tmp_path / name):
            pass


@pytest.mark.parametrize(
    ("answer", "reason", "patience"),
    [
        (range_server.refuse(404), r"no such file \(404 Not Found\)", PATIENT),
        (range_server.refuse(403), r"access denied \(403 Forbidden\)", PATIENT),
        (range_server.refuse(418), "the server does not give it", PATIENT),
        (
            range_server.refuse(503),
            r"no whole answer in 2 attempts \(last: 503 Service Unavailable\)",
            PATIENT,
        ),
        (range_server.ignore_ranges, "the server gives whole files only", PATIENT),
        (range_server.drop, r"no whole answer in 2 attempts", PATIENT),
        (range_server.reset, r"no whole answer in 2 attempts", PATIENT),
        (range_server.cut_short, r"last: \d+ bytes instead of \d+", PATIENT),
        (range_server.give_another_range, "the server answers 'bytes", PATIENT),
        (range_server.give_no_total, "the server answers 'bytes", PATIENT),
        (range_server.compress, "the server sends it as gzip", PATIENT),
        (range_server.say_nothing, r"no whole answer in 2 attempts \(last: ReadTimeout\)", SILENT),
        (range_server.drip, r"no whole answer within 1\.5 s", HURRIED),
        (range_server.redirect_for_ever, "TooManyRedirects", PATIENT),
    ],
)
@pytest.mark.parametrize("good_answers", [0, 2])
def test_every_failure_of_a_server_is_a_video_error(
    serve, long_video, answer, reason, patience, good_answers
):
    server = serve(long_video.path.read_bytes())
    server.answer = after(good_answers, answer)
    with (
        pytest.raises(VideoError, match=reason) as caught,
        open_remote(server.uri, patience=patience) as file,
    ):
        decode_groups(file, long_video.starts)
    assert caught.value.path == server.uri


@pytest.mark.parametrize("answer", [range_server.change, range_server.grow, range_server.shrink])
def test_a_file_that_changes_while_it_is_read(serve, long_video, answer):
    server = serve(long_video.path.read_bytes())
    server.answer = after(3, answer)
    with pytest.raises(VideoError, match="changed while it was read"), open_remote(server.uri) as file:
        decode_groups(file, long_video.starts)


@pytest.mark.parametrize("answer", [range_server.drop, range_server.reset, range_server.refuse(503)])
def test_what_goes_wrong_once_is_asked_for_again(serve, answer):
    server = serve(DATA)
    server.answer = until(1, answer)
    with open_remote(server.uri, patience=PATIENT) as file:
        assert file.read() == DATA


def test_an_empty_file(serve, put_on_s3, tmp_path):
    server = serve(b"")
    server.answer = range_server.refuse(416)
    (tmp_path / "empty.mp4").touch()
    for uri in (server.uri, put_on_s3("empty.mp4", b""), (tmp_path / "empty.mp4").as_uri()):
        with pytest.raises(VideoError, match="the file is empty"):
            open_remote(uri)


def decode_all(uri: str) -> None:
    with open_remote(uri) as file, av.open(file) as container:
        for packet in container.demux(video=0):
            packet.decode()


@pytest.mark.parametrize("name", ["cut.mp4", "cut.avi", "cut.mkv", "cut.ts"])
def test_ffmpeg_cannot_take_an_error_for_the_end(serve, tmp_path, capfd, name):
    """However far a demuxer gets, an error is raised, once, and does not reach the next file."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 120, 160, 3), dtype=np.uint8)
    write_video(tmp_path / name, noise, fps=15, codec="mpeg4", gop=30)
    server = serve((tmp_path / name).read_bytes())
    assert len(server.data) > 3 * BLOCK_BYTES
    for good_answers in range(1, 9):
        server.requests, server.answer = 0, after(good_answers, range_server.refuse(404))
        try:
            decode_all(server.uri)
            reason = ""
        except VideoError as error:
            reason = error.reason
        assert ("404" in reason) == (server.requests > good_answers)
        with av.open(str(tmp_path / name)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 60
    assert "dropped" not in capfd.readouterr().err


def test_an_error_that_nobody_saw_is_raised_when_the_file_is_closed(serve):
    server = serve(DATA)
    server.answer = after(1, range_server.refuse(404))

    def look_away() -> None:
        with open_remote(server.uri) as file:
            file.seek(-10, os.SEEK_END)
            with pytest.raises(VideoError, match="404"):
                file.read()
            assert file.read() == b""

    with pytest.raises(VideoError, match="404"):
        look_away()


def test_an_interrupt_stays_an_interrupt(serve, long_video):
    server = serve(long_video.path.read_bytes())
    server.answer = after(3, range_server.say_nothing)

    def interrupt(signal_number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt), open_remote(server.uri) as file:
            decode_groups(file, long_video.starts)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_closed_file_does_not_read(serve):
    with open_remote(serve(DATA).uri) as file:
        pass
    file.close()
    assert file.closed
    with pytest.raises(ValueError, match="is closed"):
        file.read(1)


def test_objects_that_are_missing_and_storage_that_is_silent(put_on_s3, serve, monkeypatch, tmp_path):
    for uri in ("s3://bucket/gone.mp4", "s3://nobucket/gone.mp4", (tmp_path / "gone.mp4").as_uri()):
        with pytest.raises(VideoError, match="no such file"):
            open_remote(uri)
    server = serve(DATA)
    server.answer = range_server.say_nothing
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.address)
    with pytest.raises(VideoError, match=r"no whole answer within 1\.5 s"):
        open_remote("s3://bucket/gone.mp4", patience=HURRIED)


@pytest.mark.parametrize(
    "answer",
    [
        range_server.refuse(404),
        range_server.refuse(503),
        range_server.ignore_ranges,
        range_server.drop,
        range_server.reset,
        range_server.drip,
    ],
)
def test_storage_that_fails_while_it_is_read(put_on_s3, serve, monkeypatch, answer):
    server = serve(DATA)
    server.answer = after(2, answer)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
    with (
        pytest.raises(VideoError, match=r"cannot be fetched|no whole answer"),
        open_remote("s3://bucket/video.mp4", patience=HURRIED) as file,
    ):
        file.read()


@pytest.mark.parametrize("size", [len(DATA), len(DATA) // 2])
def test_an_object_that_is_replaced_while_it_is_read(put_on_s3, size):
    uri = put_on_s3("replaced.mp4", DATA)
    file = open_remote(uri)
    put_on_s3("replaced.mp4", DATA[::-1][:size])
    with pytest.raises(VideoError, match=r"changed while it was read|cannot be fetched"), file:
        file.read()


def test_names_are_percent_encoded(put_on_s3):
    put_on_s3("a clip#.mp4", DATA)
    with open_remote("s3://bucket/a%20clip%23.mp4") as file:
        assert file.read() == DATA


@pytest.mark.parametrize(
    "uri",
    [
        "s3://AKIAKEY:hush+and/hush@bucket/video.mp4",
        "s3://hush@bucket/video.mp4",
        "s3://bucket/video.mp4?region=eu&secret_key=hush",
        "s3://bucket/video.mp4?access_key=hush&region=eu",
        "gs://bucket/video.mp4?ACCESS_TOKEN=hush",
        "hdfs://me:hush@host:8020/video.mp4",
        "https://me:hush@host/video.mp4",
        "https://hush@host/video.mp4",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(uri):
    with pytest.raises(VideoError, match="credentials belong into the environment") as caught:
        open_remote(uri)
    assert "hush" not in str(caught.value) + caught.value.path
    assert "video.mp4" in caught.value.path


def test_a_signed_address_is_read_and_errors_do_not_repeat_the_signature(serve):
    server = serve(DATA)
    signed = f"{server.uri}?part=1&X-Amz-Credential=hush&X-Amz-Signature=hush"
    with open_remote(signed) as file:
        assert file.read(10) == DATA[:10]
        assert file.name == f"{server.uri}?part=1&X-Amz-Credential=...&X-Amz-Signature=..."
    server.answer = range_server.reset
    with pytest.raises(VideoError) as caught:
        open_remote(signed, patience=PATIENT)
    assert "hush" not in str(caught.value)


def test_addresses_with_ports_and_at_signs_are_no_credentials(serve):
    server = serve(DATA)
    with open_remote(f"{server.address}/user@home/clip.mp4") as file:
        assert file.size == len(DATA)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("ftp://host/video.mp4", r"videos cannot be read from ftp:// \(known: http, https, s3,"),
        ("abfs://account/video.mp4", "videos cannot be read from abfs://"),
        ("s3://bucket/video.mp4?region=eu", "options of s3:// are AWS_REGION"),
        ("http://127.0.0.1:1/video.mp4", r"no whole answer in 2 attempts \(last: ConnectionError\)"),
        ("http:///video.mp4", "cannot be fetched"),
        ("hdfs://127.0.0.1:1/video.mp4", "cannot be fetched"),
        (
            "gs://anonymous@bucket/video.mp4?endpoint_override=127.0.0.1:1&scheme=http",
            "cannot be fetched|within",
        ),
        ("file://elsewhere/video.mp4", "cannot be fetched"),
        ("file:///", "cannot be fetched"),
    ],
)
def test_addresses_that_lead_nowhere(uri, reason):
    # Google's library tries again for as long as it may; the others end by themselves.
    patience = HURRIED if uri.startswith("gs:") else PATIENT
    with pytest.raises(VideoError, match=reason) as caught:
        open_remote(uri, patience=patience)
    assert caught.value.path == uri


LEAVE = """
import sys
from epitoma.core.errors import VideoError
from epitoma.video.remote import open_remote
from epitoma.video.transports import Patience
seconds = float(sys.argv[2])
try:
    file = open_remote(sys.argv[1], patience=Patience(silence_seconds=seconds, total_seconds=seconds))
    print(len(file.read()))
except VideoError as error:
    print(error.reason)
"""


@pytest.mark.parametrize("silent", [False, True])
def test_a_process_ends_at_once_and_quietly(put_on_s3, serve, monkeypatch, silent):
    """Neither an open file of S3 nor a request that was given up holds the interpreter back."""
    uri = put_on_s3("left_open.mp4", DATA)
    if silent:
        server = serve(DATA)
        server.answer = range_server.say_nothing
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
    seconds = "0.5" if silent else "30"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LEAVE, uri, seconds],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    expected = "no whole answer within 0.5 s" if silent else str(len(DATA))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, expected, "")


def send_to(address: str) -> Answer:
    return lambda request, first, last: request.start(302, Location=address, Content_Length=0)


def test_a_server_may_send_us_to_itself(serve):
    server = serve(DATA)
    server.answer = until(1, send_to("/elsewhere?signature=hush"))
    with open_remote(server.uri) as file:
        assert file.read(10) == DATA[:10]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://127.0.0.1:{port}/a.mp4?signature=hush",
        "//127.0.0.1:{port}/a.mp4",
        "http://localhost:{port}/a.mp4",
        "http://me:hush@127.0.0.1:{port}/a.mp4",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "https://{own}/a.mp4",
    ],
)
def test_a_server_may_not_send_us_elsewhere(serve, elsewhere):
    server, other = serve(DATA), serve(DATA)
    own = server.address.removeprefix("http://")
    server.answer = send_to(elsewhere.format(port=other.server_port, own=own))
    with pytest.raises(
        VideoError, match=r"the server sends us to .*, and EPITOMA_ROOTS does not name"
    ) as refusal:
        open_remote(server.uri, patience=PATIENT)
    assert "hush" not in str(refusal.value)
    assert other.requests == 0


def test_a_server_may_send_us_where_the_roots_of_the_machine_allow_it(serve, monkeypatch):
    server, other = serve(DATA), serve(DATA)
    server.answer = send_to(other.uri)
    monkeypatch.setenv("EPITOMA_ROOTS", f"{server.address}/, {other.address}/videos/")
    with open_remote(server.uri) as file:
        assert file.read(10) == DATA[:10]
    server.answer = send_to(f"{other.address}/private/a.mp4")
    with pytest.raises(VideoError, match="does not name"):
        open_remote(server.uri, patience=PATIENT)
