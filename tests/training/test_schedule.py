"""The order of work against what it promises: every video once an epoch, shared evenly, any part of it by itself."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.errors import ConfigError
from epitoma.core.sampling import stable_seed
from epitoma.training.schedule import Schedule, Share, check_workers, split_steps, steps_per_epoch


def schedule(count: int, *, batch_size: int = 4, seed: int = 0, order: list[int] | None = None) -> Schedule:
    names = [f"v{number}" for number in (order or range(count))]
    return Schedule(
        video_ids=pa.array(names),
        lengths=np.full(count, 100),
        batch_size=batch_size,
        seed=seed,
        sample=lambda length, rng: np.sort(rng.choice(length, 5, replace=False)),
    )


@given(st.integers(1, 60), st.integers(1, 16), st.integers(1, 4), st.integers(0, 3))
def test_workers_together_see_every_video_once_in_equal_shares_of_every_step(
    count, batch_size, workers, epoch
):
    whole = schedule(count, batch_size=batch_size)
    shares = [whole.epoch(epoch, share=Share(rank=rank, world_size=workers)) for rank in range(workers)]
    seen = Counter(video for share in shares for video in share["video_id"].to_pylist())
    assert seen == Counter(f"v{number}" for number in range(count))
    for step in range(steps_per_epoch(count, batch_size)):
        sizes = [share["step"].to_pylist().count(step) for share in shares]
        assert max(sizes) - min(sizes) <= 1
        assert 0 < sum(sizes) <= batch_size


@given(st.integers(1, 50), st.integers(1, 9))
def test_steps_are_as_few_and_as_even_as_can_be(count, batch_size):
    steps = schedule(count, batch_size=batch_size).epoch(0)["step"].to_pylist()
    parts = np.array_split(np.arange(count), -(-count // batch_size))
    assert steps == [step for step, part in enumerate(parts) for _ in part]


@given(st.integers(1, 40), st.integers(0, 5))
def test_a_schedule_follows_its_seed_and_nothing_else(count, seed):
    first = schedule(count, seed=seed).epoch(0)
    assert first.equals(schedule(count, seed=seed).epoch(0))
    if count > 8:
        assert not first.equals(schedule(count, seed=seed + 1).epoch(0))
        assert not first.equals(schedule(count, seed=seed).epoch(1))


def test_a_row_is_what_its_seed_says():
    for row in schedule(9, seed=3).epoch(2).to_pylist():
        assert row["video_id"] == f"v{row['row']}"
        assert row["seed"] == stable_seed(3, 2, row["video_id"])
        drawn = np.random.default_rng(row["seed"]).choice(100, 5, replace=False)
        assert row["timesteps"] == sorted(drawn)


def test_a_videos_seed_and_timesteps_do_not_depend_on_the_other_videos():
    few, many = schedule(3).epoch(0), schedule(9).epoch(0)
    rows = {row["video_id"]: (row["seed"], row["timesteps"]) for row in many.to_pylist()}
    assert all(rows[row["video_id"]] == (row["seed"], row["timesteps"]) for row in few.to_pylist())


@given(st.data())
def test_windows_laid_end_to_end_are_what_is_left_of_the_epochs(data):
    count, batch_size = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 7))
    whole, world_size = schedule(count, batch_size=batch_size), data.draw(st.integers(1, 3))
    share = Share(rank=data.draw(st.integers(0, world_size - 1)), world_size=world_size)
    first_step = data.draw(st.integers(0, whole.steps_per_epoch - 1))
    rows = data.draw(st.integers(1, 50))
    windows = list(whole.windows(range(1, 4), rows=rows, share=share, first_step=first_step))
    assert all(len(window) == rows for window in windows[:-1])
    left = [
        row
        for epoch in range(1, 4)
        for row in whole.epoch(epoch).to_pylist()
        if row["position"] % world_size == share.rank and (epoch, row["step"]) >= (1, first_step)
    ]
    assert [row for window in windows for row in window.to_pylist()] == left


def test_a_window_of_a_million_videos_costs_what_it_holds():
    many = replace(
        schedule(1),
        video_ids=pa.array(np.arange(1_000_000).astype(str)),
        lengths=np.full(1_000_000, 100),
    )
    window = next(many.windows(range(100), rows=64))
    assert len(window) == 64
    assert window["epoch"].unique().to_pylist() == [0]


def test_steps_come_in_order():
    steps = split_steps(schedule(10, batch_size=4).epoch(0))
    assert [len(step) for step in steps] == [4, 3, 3]
    assert [step["position"].to_pylist() for step in steps] == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_a_worker_without_work_is_refused():
    check_workers(10, batch_size=4, world_size=3)
    with pytest.raises(ConfigError, match="4 workers share steps of 3 videos"):
        check_workers(10, batch_size=4, world_size=4)
