"""Sheets of concept kernels show the frames that are most similar to each, one a video, and the right frames."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from epitoma.core.selection import all_valid
from epitoma.datasets.manifest import Manifest
from epitoma.inference.kernel_sheets import KernelMatch, sheets, timesteps_by_row, top_matches
from epitoma.models.parts import HasConcepts
from epitoma.models.selector import TimestepSelector
from tests.stored_features import stored_of

SIZE = 24


class Brightness(nn.Module):
    """A selector of a plugin, which is none of ours and has a kernel for each of two channels."""

    def concepts(self, light_BTC: Tensor, valid_BT: Tensor) -> Tensor:
        return light_BTC[..., :2]


def selector() -> TimestepSelector:
    torch.manual_seed(0)
    return TimestepSelector(TimestepSelector.Config(kernels=4), channels=6, classes=2).eval()


@pytest.mark.parametrize("chooser", [selector(), Brightness()], ids=["ours", "a plugin's"])
def test_the_most_exciting_frames_are_those_of_highest_similarity_one_a_video(dataset: Manifest, chooser):
    stored = stored_of(dataset)
    assert isinstance(chooser, HasConcepts)
    found = top_matches(chooser, stored, count=3)
    with torch.inference_mode():
        light_VTC = stored.light_VTC
        similarity_VTN = chooser.concepts(light_VTC, all_valid(*light_VTC.shape[:2]))
    for kernel, frames in enumerate(found):
        best_V = similarity_VTN[:, :, kernel].max(dim=1).values
        assert torch.allclose(
            torch.tensor([each.similarity for each in frames]), best_V.sort(descending=True).values[:3]
        )
        assert len({each.row for each in frames}) == 3
        for each in frames:
            assert similarity_VTN[each.row, each.timestep, kernel] == best_V[each.row]


def test_a_sheet_shows_its_timesteps_side_by_side_and_black_without_a_picture(dataset: Manifest):
    found = top_matches(selector(), stored_of(dataset), count=3)
    wanted = [(row, place) for row, places in timesteps_by_row(found).items() for place in places]
    pictures = {key: np.full((SIZE, SIZE, 3), shade, np.uint8) for shade, key in enumerate(wanted, start=1)}
    lost = (found[2][1].row, found[2][1].timestep)
    del pictures[lost]
    made = list(sheets(found, pictures, size=SIZE))
    assert [sheet.shape for sheet in made] == [(SIZE, 3 * SIZE, 3)] * 4
    for frames, sheet in zip(found, made, strict=True):
        for each, shown in zip(frames, np.split(sheet, 3, axis=1), strict=True):
            key = (each.row, each.timestep)
            assert (shown == (0 if key == lost else wanted.index(key) + 1)).all()


def test_each_video_is_opened_once():
    matches = [
        [match(row=3, timestep=2), match(row=1, timestep=0)],
        [match(row=3, timestep=1)],
        [match(row=3, timestep=2)],
    ]
    assert timesteps_by_row(matches) == {1: [0], 3: [1, 2]}


def match(*, row: int, timestep: int) -> KernelMatch:
    return KernelMatch(kernel=0, row=row, timestep=timestep, similarity=1.0)


def test_there_are_no_more_frames_than_videos(dataset: Manifest):
    assert {len(frames) for frames in top_matches(selector(), stored_of(dataset), count=99)} == {17}
