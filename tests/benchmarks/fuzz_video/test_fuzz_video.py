"""The fuzzer itself: a sample of its files does no harm, and harm would be seen."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from benchmarks.fuzz_video.fuzz import fuzz
from benchmarks.fuzz_video.mutations import mutated
from benchmarks.fuzz_video.outcome import Outcome
from benchmarks.fuzz_video.trying import is_in_order
from benchmarks.fuzz_video.watched import READY, Watched
from epitoma.video.decode import Decoded


def test_damaged_files_do_no_harm(tmp_path: Path):
    outcomes = fuzz(90, seed=11, keep=tmp_path / "failed")
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


def test_frames_in_another_order_are_seen():
    plain = [bytes([number]) for number in (0, 1, 1, 2)]

    def decoded(*shown: int, deviation: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Decoded:
        pictures = np.array(shown, np.uint8)[:, None]
        return Decoded(
            pictures=(pictures,),
            deviation_seconds=(np.array(deviation),),
            replaced=0,
            wanted=3,
            frames_decoded=3,
            bytes_read=0,
        )

    assert is_in_order(decoded(0, 1, 2), plain)
    assert is_in_order(decoded(1, 1, 2), plain)
    assert not is_in_order(decoded(1, 0, 2), plain)
    assert is_in_order(decoded(2, 0, 1, deviation=(0.1, 0.0, 0.0)), plain), "a neighbour stands in"
