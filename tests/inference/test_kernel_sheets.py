"""Sheets of concept kernels show the frames that are most similar to each, one a video, and the right frames."""

import numpy as np
import torch

from epitoma.core.sampling import uniform_timesteps
from epitoma.core.selection import all_valid
from epitoma.datasets.manifest import Manifest
from epitoma.inference.kernel_sheets import pictures_of, sheets, top_matches
from epitoma.models.selector import TimestepSelector
from epitoma.training.feature_store import Stored
from epitoma.video.decode import decode_frames
from epitoma.video.index import index_video

SIZE, FRAMES, TIMESTEPS = 24, 2, 5


def stored_of(split: Manifest) -> Stored:
    """Random features of all videos but the second, which is as one that could not be read."""
    video_ids = [name for place, name in enumerate(split.video_ids) if place != 1]
    counts = split.only(video_ids).table["frame_count"].to_pylist()
    starts = [
        uniform_timesteps(count, count=TIMESTEPS, frames_per_timestep=FRAMES).starts_T for count in counts
    ]
    features = torch.randn(len(video_ids), TIMESTEPS, 6, generator=torch.Generator().manual_seed(0))
    return Stored(
        video_ids=video_ids,
        starts_VT=np.stack(starts).astype(np.int32),
        light_VTC=features,
        heavy_VTC=features,
    )


def selector() -> TimestepSelector:
    torch.manual_seed(0)
    return TimestepSelector(TimestepSelector.Config(kernels=4), channels=6, classes=2).eval()


def test_the_most_exciting_frames_are_those_of_highest_similarity_one_a_video(dataset: Manifest):
    stored, chooser = stored_of(dataset), selector()
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


def test_a_sheet_shows_the_middle_frames_of_its_timesteps(dataset: Manifest):
    stored = stored_of(dataset)
    found = top_matches(selector(), stored, count=3)
    told = []
    pictures = pictures_of(
        found,
        dataset,
        stored,
        frames_per_timestep=FRAMES,
        size=SIZE,
        watch=lambda done, total: told.append((done, total)),
    )
    made = list(sheets(found, pictures))
    assert [sheet.shape for sheet in made] == [(SIZE, 3 * SIZE, 3)] * 4
    assert told[-1] == (len({each.row for frames in found for each in frames}),) * 2
    each = found[2][1]
    path = dataset.only(stored.video_ids).resolved_paths()[each.row]
    middle = int(stored.starts_VT[each.row, each.timestep]) + FRAMES // 2
    ((expected,),) = decode_frames(path, index_video(path), np.array([middle]), sizes=(SIZE,))
    assert (made[2][:, SIZE : 2 * SIZE] == expected).all()


def test_there_are_no_more_frames_than_videos(dataset: Manifest):
    assert {len(frames) for frames in top_matches(selector(), stored_of(dataset), count=99)} == {17}
