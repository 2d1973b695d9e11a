"""Views: the same in every frame of a snippet, and what their numbers say."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.views import VideoView, apply_views
from epitoma.training.augmentation import LEAST_AREA, draw_view

ALL = ("crop", "flip", "colour")


def pictures(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def as_rows(views: list[VideoView]) -> torch.Tensor:
    return torch.tensor(views, dtype=torch.float64)


def test_the_plain_view_changes_nothing():
    snippets = pictures(2, 3, 4, 16, 16)
    assert torch.equal(apply_views(snippets, as_rows([VideoView(), VideoView()])), snippets)


@given(st.integers(0, 2**32))
def test_every_frame_of_a_snippet_is_seen_alike(seed: int):
    frame = pictures(3, 1, 24, 24)
    snippet = frame.expand(3, 5, 24, 24)
    seen = apply_views(snippet[None], as_rows([draw_view(seed, ALL)]))[0]
    assert seen.shape == snippet.shape
    assert seen.dtype == torch.uint8
    assert torch.equal(seen, seen[:, :1].expand_as(seen))


def test_lightnets_frame_is_seen_as_the_snippet_is():
    frames = pictures(4, 3, 24, 24)
    views = as_rows([draw_view(seed, ALL) for seed in range(4)])
    assert torch.equal(apply_views(frames, views), apply_views(frames[:, :, None], views)[:, :, 0])


def test_a_flip_mirrors_and_a_crop_enlarges_its_part():
    frame = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    frame[..., :4, :4] = 200
    mirrored = apply_views(frame, as_rows([VideoView(flip=1)]))
    assert torch.equal(mirrored, frame.flip(-1))
    quarter = apply_views(frame, as_rows([VideoView(width=0.5, height=0.5)]))
    assert (quarter == 200).all()
    other = apply_views(frame, as_rows([VideoView(left=0.5, width=0.5, height=0.5)]))
    assert (other == 0).all()


def test_brightness_is_a_factor():
    frame = torch.full((1, 3, 4, 4), 100, dtype=torch.uint8)
    assert (apply_views(frame, as_rows([VideoView(brightness=1.5)])) == 150).all()


@given(st.integers(0, 2**32))
def test_a_view_lies_in_the_frame_and_follows_from_its_seed(seed: int):
    view = draw_view(seed, ALL)
    assert view == draw_view(seed, ALL)
    assert 0 <= view.left <= view.left + view.width <= 1 + 1e-9
    assert 0 <= view.top <= view.top + view.height <= 1 + 1e-9
    assert LEAST_AREA * 0.7 < view.width * view.height <= 1
    assert view.flip in (0, 1)
    assert all(0.8 <= factor <= 1.2 for factor in (view.brightness, view.contrast, view.saturation))


def test_what_is_off_is_off():
    assert draw_view(3, ()) == VideoView()
    flips = [draw_view(seed, ("flip",)) for seed in range(200)]
    assert 60 < sum(view.flip for view in flips) < 140
    assert {view._replace(flip=0) for view in flips} == {VideoView()}
