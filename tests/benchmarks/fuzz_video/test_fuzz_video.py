"""The fuzzer itself: a sample of its files does no harm, and harm would be seen."""

import os
import signal
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzz_video.fuzz import fuzz
from benchmarks.fuzz_video.mutations import mutated
from benchmarks.fuzz_video.outcome import Outcome
from benchmarks.fuzz_video.plain import PlainPictures
from benchmarks.fuzz_video.trying import wrong_frames
from benchmarks.fuzz_video.watched import READY, Watched
from epitoma.video.decode import Decoded
from epitoma.video.index import VideoIndex


def test_damaged_files_do_no_harm(tmp_path: Path):
    outcomes = fuzz(60, seed=11, keep=tmp_path / "failed")
    assert [outcome for outcome in outcomes if outcome.is_failure] == []
    assert {outcome.kind for outcome in outcomes} == {"decoded", "replaced", "refused"}


def test_mutations_follow_from_the_seed_and_change_the_file():
    content = np.random.default_rng(0).bytes(20_000)
    files = [mutated(content, np.random.default_rng(seed)) for seed in range(30)]
    assert files == [mutated(content, np.random.default_rng(seed)) for seed in range(30)]
    assert content not in files


def _die(pipe) -> None:
    pipe.send(READY)
    pipe.recv()
    os.kill(os.getpid(), signal.SIGKILL)


def _sleep(pipe) -> None:
    pipe.send(READY)
    pipe.recv()
    time.sleep(60)


def test_a_crash_and_a_hang_are_seen(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("benchmarks.fuzz_video.watched.serve", _die)
    watched = Watched()
    assert watched.outcome(tmp_path) == Outcome("crash", "exit code -9")
    monkeypatch.setattr("benchmarks.fuzz_video.watched.HANG_SECONDS", 0.5)
    monkeypatch.setattr("benchmarks.fuzz_video.watched.serve", _sleep)
    assert watched.outcome(tmp_path).kind == "hang"
    watched.stop()


OWN, OTHER, NOWHERE = 11, 12, 99
"""The picture of the frame that is asked for, that of the next one, and one that no frame has."""


@pytest.mark.parametrize(
    ("shown", "distance_seconds", "tolerance_seconds", "is_right"),
    [
        (OWN, 0.0, 0.0, True),
        (OTHER, 0.0, 0.0, False),
        (NOWHERE, 0.0, 0.0, False),
        (NOWHERE, 0.1, 0.0, True),
        (NOWHERE, np.nan, 0.5, True),
        (OTHER, 0.1, 0.5, True),
        (OWN, 0.1, 0.5, False),
        (OTHER, 0.2, 0.5, False),
        (NOWHERE, 0.1, 0.5, False),
    ],
)
def test_a_picture_is_one_that_a_plain_decode_has_there_or_counts_as_replaced(
    shown, distance_seconds, tolerance_seconds, is_right
):
    index = VideoIndex(
        pts=np.arange(4),
        keyframes=np.zeros(1, int),
        time_base=Fraction(1, 10),
        fps=10,
        width=1,
        height=1,
        rotation=0,
    )
    decoded = Decoded(
        pictures=(np.array([[shown]], np.uint8),),
        deviation_seconds=(np.array([distance_seconds]),),
        replaced=0,
        wanted=1,
        frames_decoded=1,
        bytes_read=0,
    )
    plain = PlainPictures(of_frame={number: {bytes([10 + number])} for number in range(4)})
    wrong = wrong_frames(decoded, np.array([1]), index, plain, tolerance_seconds=tolerance_seconds)
    assert wrong == ([] if is_right else [1])


def test_where_nobody_knows_what_a_hole_shows_only_a_picture_of_another_frame_is_wrong():
    plain = PlainPictures(of_frame={0: {b"a"}, 1: {b"b"}}, leaves_holes=True)
    assert plain.has(b"whatever was there", [0])
    assert plain.has(b"a", [0])
    assert not plain.has(b"b", [0])
