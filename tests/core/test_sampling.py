import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.sampling import random_timesteps, stable_seed, uniform_subset, uniform_timesteps

sizes = {"frame_count": st.integers(1, 400), "count": st.integers(1, 64), "frames": st.integers(1, 16)}


@given(**sizes)
def test_uniform_timesteps_lie_in_the_middle_of_equal_parts(frame_count, count, frames):
    timesteps = uniform_timesteps(frame_count, count=count, frames_per_timestep=frames)
    assert len(timesteps.starts_T) == count
    assert (np.diff(timesteps.starts_T) >= 0).all()
    assert timesteps.frames_TM.max() < frame_count
    gaps = np.diff(timesteps.starts_T)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1
    if frame_count - frames + 1 >= count:
        assert len(set(timesteps.starts_T)) == count


@given(seed=st.integers(0, 99), **sizes)
def test_random_timesteps_are_sorted_distinct_where_possible_and_follow_the_seed(
    frame_count, count, frames, seed
):
    def draw():
        rng = np.random.default_rng(seed)
        return random_timesteps(frame_count, count=count, frames_per_timestep=frames, rng=rng)

    timesteps = draw()
    assert (np.diff(timesteps.starts_T) >= 0).all()
    assert timesteps.frames_TM.max() < frame_count
    assert np.array_equal(timesteps.starts_T, draw().starts_T)
    if frame_count - frames + 1 >= count:
        assert len(set(timesteps.starts_T)) == count


def test_a_short_video_repeats_timesteps_and_its_last_frame():
    timesteps = uniform_timesteps(3, count=6, frames_per_timestep=2)
    assert timesteps.starts_T.tolist() == [0, 0, 0, 1, 1, 1]
    assert uniform_timesteps(1, count=2, frames_per_timestep=4).frames_TM.tolist() == [[0] * 4] * 2


def test_the_middle_frame_is_the_papers():
    timesteps = uniform_timesteps(100, count=4, frames_per_timestep=8)
    assert timesteps.middle_frames_T.tolist() == (timesteps.starts_T + 4).tolist()


@given(st.integers(1, 64), st.integers(1, 64))
def test_a_uniform_subset_of_all_is_all(total, count):
    assert uniform_subset(total, total).tolist() == list(range(total))
    assert uniform_subset(total, count).max() < total


def test_seeds_are_the_same_in_another_process():
    code = "from epitoma.core.sampling import stable_seed; print(stable_seed(3, 'noise', 'video'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == stable_seed(3, "noise", "video")
    assert stable_seed(1, 23) != stable_seed(12, 3)
    assert 0 <= stable_seed("x") < 2**63
