from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.timesteps import Timesteps
from epitoma.video.index import VideoIndex
from epitoma.video.plan import (
    DecodePlan,
    Run,
    plan_decode,
    plan_each_group,
    plan_from_start,
    plan_timesteps,
    snap_to_keyframes,
)


def made_index(frame_count: int, keyframes: list[int]) -> VideoIndex:
    return VideoIndex(
        pts=np.arange(frame_count, dtype=np.int64) * 512,
        keyframes=np.array(keyframes, dtype=np.int64),
        time_base=Fraction(1, 12800),
        fps=25.0,
        width=96,
        height=64,
        rotation=0,
    )


TEN_A_GOP = made_index(100, list(range(0, 100, 10)))


@st.composite
def indexed_and_wanted(draw):
    frame_count = draw(st.integers(1, 200))
    keyframes = draw(st.sets(st.integers(0, frame_count - 1))) | {0}
    wanted = draw(st.lists(st.integers(0, frame_count - 1), max_size=40))
    return made_index(frame_count, sorted(keyframes)), np.array(wanted, dtype=np.int64)


def decoded_frames(run: Run) -> range:
    return range(run.seek_frame or 0, run.last_frame + 1)


@given(indexed_and_wanted())
def test_every_wanted_frame_is_decoded_once_after_a_keyframe(case):
    index, wanted = case
    plan = plan_decode(index, wanted)
    assert [frame for run in plan.runs for frame in run.wanted] == sorted(set(wanted.tolist()))
    for run in plan.runs:
        assert run.seek_frame is None or run.seek_frame in index.keyframes
        assert set(run.wanted) <= set(decoded_frames(run))
        assert run.last_frame == run.wanted[-1]
    decoded = [frame for run in plan.runs for frame in decoded_frames(run)]
    assert len(decoded) == len(set(decoded)) == plan.frames_decoded


@given(indexed_and_wanted())
def test_no_plan_decodes_fewer_frames(case):
    index, wanted = case
    needed = set()
    for frame in wanted.tolist():
        keyframe = index.keyframes[index.keyframes <= frame][-1]
        needed |= set(range(keyframe, frame + 1))
    assert plan_decode(index, wanted).frames_decoded == len(needed)


@given(indexed_and_wanted())
def test_every_seek_skips_frames(case):
    plan = plan_decode(*case)
    for before, after in zip(plan.runs, plan.runs[1:], strict=False):
        assert after.seek_frame > before.last_frame + 1


def test_examples():
    assert plan_decode(TEN_A_GOP, np.array([], dtype=np.int64)) == DecodePlan(())
    assert plan_decode(TEN_A_GOP, np.array([7, 3, 7])).runs == (Run(None, 7, (3, 7)),)
    assert plan_decode(TEN_A_GOP, np.array([9, 12])).runs == (Run(None, 12, (9, 12)),)
    assert plan_decode(TEN_A_GOP, np.array([8, 12])).runs == (Run(None, 8, (8,)), Run(10, 12, (12,)))
    assert plan_decode(TEN_A_GOP, np.array([55])).frames_decoded == 6


@pytest.mark.parametrize("frame", [-1, 100])
def test_a_frame_outside_the_video(frame):
    with pytest.raises(ValueError, match=rf"frame {frame} is outside 0\.\.99"):
        plan_decode(TEN_A_GOP, np.array([5, frame]))


@given(indexed_and_wanted())
def test_plans_for_damaged_files_want_the_same_frames(case):
    index, wanted = case
    for plan in (plan_each_group(index, wanted), plan_from_start(index, wanted)):
        assert [frame for run in plan.runs for frame in run.wanted] == sorted(set(wanted.tolist()))
    assert all(run.seek_frame is None for run in plan_from_start(index, wanted).runs)
    for run in plan_each_group(index, wanted).runs:
        inside = index.keyframes[
            (index.keyframes > (run.seek_frame or 0)) & (index.keyframes <= run.last_frame)
        ]
        assert not len(inside)


def test_a_timestep_past_the_end_repeats_the_last_frame():
    timesteps = Timesteps(starts_T=np.array([5, 97]), frames_per_timestep=8, frame_count=100)
    assert [run.wanted for run in plan_timesteps(TEN_A_GOP, timesteps).runs] == [
        (5, 6, 7, 8, 9, 10, 11, 12),
        (97, 98, 99),
    ]


@given(indexed_and_wanted(), st.floats(0, 3))
def test_snapping_stays_near_and_never_decodes_more(case, tolerance_seconds):
    index, wanted = case
    snapped = snap_to_keyframes(index, wanted, tolerance_seconds=tolerance_seconds)
    assert snapped.shape == wanted.shape
    moved = snapped != wanted
    assert np.isin(snapped[moved], index.keyframes).all()
    assert (np.abs(snapped - wanted) * 512 / 12800 <= tolerance_seconds + 1e-9).all()
    before = plan_decode(index, np.append(wanted, snapped[moved])).frames_decoded
    assert plan_decode(index, snapped).frames_decoded <= before


def test_snapping_leaves_what_must_be_decoded_through():
    wanted = np.array([31, 33, 36, 52, 59])
    assert snap_to_keyframes(TEN_A_GOP, wanted, tolerance_seconds=0.08).tolist() == [31, 33, 36, 50, 60]
    assert snap_to_keyframes(TEN_A_GOP, wanted, tolerance_seconds=0.0).tolist() == wanted.tolist()
