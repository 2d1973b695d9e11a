from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.errors import ConfigError
from epitoma.training.schedule import (
    check_workers,
    epoch_schedule,
    for_worker,
    run_schedule,
    split_steps,
    steps_per_epoch,
)


def schedule(
    count: int, *, epoch: int = 0, batch_size: int = 4, seed: int = 0, order: list[int] | None = None
):
    names = [f"v{number}" for number in (order or range(count))]
    return epoch_schedule(
        names,
        [100] * count,
        epoch=epoch,
        batch_size=batch_size,
        seed=seed,
        sample=lambda length, rng: np.sort(rng.choice(length, 5, replace=False)),
    )


@given(st.integers(1, 60), st.integers(1, 16), st.integers(1, 4), st.integers(0, 3))
def test_workers_together_see_every_video_once_in_equal_shares_of_every_step(
    count, batch_size, workers, epoch
):
    whole = schedule(count, epoch=epoch, batch_size=batch_size)
    shares = [for_worker(whole, rank=rank, world_size=workers) for rank in range(workers)]
    seen = Counter(video for share in shares for video in share["video_id"].to_pylist())
    assert seen == Counter(f"v{number}" for number in range(count))
    for step in range(steps_per_epoch(count, batch_size)):
        sizes = [share["step"].to_pylist().count(step) for share in shares]
        assert max(sizes) - min(sizes) <= 1
        assert 0 < sum(sizes) <= batch_size


@given(st.integers(1, 40), st.integers(0, 5))
def test_a_schedule_follows_its_seed_and_nothing_else(count, seed):
    assert schedule(count, seed=seed).equals(schedule(count, seed=seed))
    if count > 8:
        assert not schedule(count, seed=seed).equals(schedule(count, seed=seed + 1))
        assert not schedule(count, seed=seed).equals(schedule(count, seed=seed, epoch=1))


def test_a_videos_seed_and_timesteps_do_not_depend_on_the_other_videos():
    few, many = schedule(3), schedule(9)
    rows = {row["video_id"]: (row["seed"], row["timesteps"]) for row in many.to_pylist()}
    assert all(rows[row["video_id"]] == (row["seed"], row["timesteps"]) for row in few.to_pylist())


def test_a_resume_is_a_filter():
    settings = {"batch_size": 4, "seed": 1, "sample": lambda length, rng: rng.integers(length, size=2)}
    whole = run_schedule(["a", "b", "c"], [9, 9, 9], epochs=range(4), **settings)
    rest = run_schedule(["a", "b", "c"], [9, 9, 9], epochs=range(2, 4), **settings)
    assert whole.slice(6).equals(rest)


def test_steps_come_in_order():
    steps = split_steps(schedule(10, batch_size=4))
    assert [len(step) for step in steps] == [4, 3, 3]
    assert [step["position"].to_pylist() for step in steps] == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_a_worker_without_work_is_refused():
    check_workers(10, batch_size=4, world_size=3)
    with pytest.raises(ConfigError, match="4 workers share steps of 3 videos"):
        check_workers(10, batch_size=4, world_size=4)
