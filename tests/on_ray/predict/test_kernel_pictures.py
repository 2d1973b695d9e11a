"""Pictures of timesteps are their middle frames; a video that cannot be read, or stalls its reader, has none."""

import numpy as np
import pytest

from epitoma.datasets.manifest import Manifest
from epitoma.datasets.rejects import Reject
from epitoma.inference.kernel_sheets import KernelMatch
from epitoma.on_ray.decode.attempts import STALLED
from epitoma.on_ray.predict.kernel_pictures import KernelPictures, decode_pictures
from epitoma.training.feature_store import Stored
from epitoma.video.decode import decode_frames
from epitoma.video.index import index_video
from tests.stored_features import FRAMES, stored_of

SIZE = 24
EXCITING = [
    [KernelMatch(kernel=0, row=row, timestep=place, similarity=1.0)] for row, place in ((2, 1), (3, 0))
]


def decoded(split: Manifest, stored: Stored) -> tuple[KernelPictures, list[tuple[int, int]]]:
    told: list[tuple[int, int]] = []
    pictures = decode_pictures(
        EXCITING,
        split,
        stored,
        frames_per_timestep=FRAMES,
        size=SIZE,
        watch=lambda done, total: told.append((done, total)),
    )
    return pictures, told


@pytest.mark.usefixtures("ray_cluster")
def test_a_picture_is_the_middle_frame_of_its_timestep(dataset: Manifest):
    stored = stored_of(dataset)
    made, told = decoded(dataset, stored)
    assert told == [(1, 2), (2, 2)]
    assert made.pictures.keys() == {(2, 1), (3, 0)}
    path = dataset.only(stored.video_ids).resolved_paths()[2]
    middle = int(stored.starts_VT[2, 1]) + FRAMES // 2
    ((expected,),) = decode_frames(path, index_video(path), np.array([middle]), sizes=(SIZE,))
    assert np.array_equal(made.pictures[2, 1], expected)


@pytest.mark.usefixtures("ray_cluster")
def test_a_video_that_stalls_its_reader_has_no_picture(stalling: Manifest):
    stored, victim = stored_of(stalling), stalling.split("train").video_ids[3]
    assert stored.video_ids[2] == victim
    made, _ = decoded(stalling, stored)
    assert made.pictures.keys() == {(3, 0)}
    address = stalling.only([victim]).resolved_paths()[0]
    assert made.rejects == [Reject(victim, address, STALLED.format(1))]
