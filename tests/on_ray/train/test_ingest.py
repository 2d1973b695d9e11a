"""Real videos through real Ray Data: in order, exactly once, whoever decodes them; bad ones are reported."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from epitoma.core.errors import TooManyRejectsError
from epitoma.on_ray.decode.attempts import Attempts
from epitoma.on_ray.decode.decoding import DecodeSpec, decode_timesteps
from epitoma.on_ray.train.ingest import PixelSource, decoded_rows, uniform_schedule
from epitoma.training.context import LocalContext
from epitoma.training.events import VideoRejected
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from epitoma.training.sparsity import SparsityConfig
from epitoma.video.index import index_video
from epitoma.video.index_table import StoredIndices

SPEC = DecodeSpec(light_size=16, heavy_size=24, frames=2)


class Worker(LocalContext):
    def __init__(self, folder: Path, rank: int, world_size: int) -> None:
        super().__init__(folder)
        self.rank, self.world_size = rank, world_size


def config(folder: Path, **settings) -> TrainConfig:
    return TrainConfig(
        manifest=folder,
        name="ingest",
        source="pixels",
        sparsity=SparsityConfig(target_timesteps=2),
        optimisation=OptimisationConfig(epochs=2, batch_size=4),
        timesteps=4,
        **settings,
    )


def source(manifest, folder: Path, *, rank: int = 0, world_size: int = 1, **settings) -> PixelSource:
    worker = Worker(folder, rank, world_size)
    splits = manifest.split("train"), manifest.split("validation")
    return PixelSource(config(folder, **settings), *splits, worker, SPEC, Attempts.start())


def test_decoded_rows_are_the_schedules_in_its_order(ray_cluster, dataset):
    schedule = uniform_schedule(dataset, timesteps=4, frames_per_timestep=2)
    windows, indices = schedule.windows(range(1), rows=7), StoredIndices.beside(dataset.path)
    rows = list(decoded_rows(windows, dataset, indices, SPEC, Attempts.start(), prefetch=4))
    assert [row["video_id"] for row in rows] == dataset.video_ids
    paths, counts = dataset.resolved_paths(), dataset.table["frame_count"].to_pylist()
    for row, path, frame_count in list(zip(rows, paths, counts, strict=True))[::5]:
        direct = decode_timesteps(path, index_video(path), np.asarray(row["starts"]), frame_count, SPEC)
        assert np.array_equal(row["frames"], direct["frames"])
        assert np.array_equal(row["snippets"], direct["snippets"])
        assert row["frames"].shape == (4, 16, 16, 3)
        assert row["snippets"].shape == (4, 2, 24, 24, 3)


def test_light_nets_frame_is_the_middle_of_heavy_nets_snippet(dataset):
    spec = DecodeSpec(light_size=24, heavy_size=24, frames=5)
    path, frame_count = dataset.resolved_paths()[0], dataset.table["frame_count"][0].as_py()
    starts_T = np.array([0, 10, frame_count - 1])
    pixels = decode_timesteps(path, index_video(path), starts_T, frame_count, spec)
    assert np.array_equal(pixels["frames"], pixels["snippets"][:, 2])
    last_MHWC = pixels["snippets"][2]
    assert (last_MHWC == last_MHWC[0]).all(), "a snippet past the end repeats the last frame"


def test_two_workers_see_what_one_sees_every_video_once_an_epoch(ray_cluster, dataset, tmp_path):
    alone = source(dataset, tmp_path)
    pair = [source(dataset, tmp_path, rank=rank, world_size=2) for rank in range(2)]
    for epoch in range(2):
        single = list(alone.training(epoch))
        shares = [list(worker.training(epoch)) for worker in pair]
        seen = Counter(video for share in shares for batch in share for video in batch.video_ids)
        assert seen == Counter(dataset.split("train").video_ids)
        assert len(single) == len(shares[0]) == len(shares[1]) == 3
        for whole, *parts in zip(single, *shares, strict=True):
            pixels = {
                video: (part.candidates.frames_BTCHW[place], part.noise_BT[place], part.labels_BL[place])
                for part in parts
                for place, video in enumerate(part.video_ids)
            }
            assert sorted(pixels) == sorted(whole.video_ids)
            for place, video in enumerate(whole.video_ids):
                frames_TCHW, noise_T, labels_L = pixels[video]
                assert torch.equal(frames_TCHW, whole.candidates.frames_BTCHW[place])
                assert torch.equal(noise_T, whole.noise_BT[place])
                assert torch.equal(labels_L, whole.labels_BL[place])


def test_validation_is_the_whole_split_in_order(ray_cluster, dataset, tmp_path):
    batches = list(source(dataset, tmp_path).validation())
    assert [video for batch in batches for video in batch.video_ids] == dataset.split("validation").video_ids


def test_a_bad_video_is_told_of_once_and_weighs_nothing(ray_cluster, spoiled, tmp_path):
    ingest = source(spoiled, tmp_path, max_reject_share=0.1)
    weights = {}
    for epoch in range(2):
        for batch in ingest.training(epoch):
            weights.update(zip(batch.video_ids, batch.weight_B.tolist(), strict=True))
    bad = spoiled.split("train").video_ids[3]
    assert {video for video, weight in weights.items() if weight == 0} == {bad}
    (event,) = ingest.context.events
    assert isinstance(event, VideoRejected)
    assert event.video_id == bad
    assert event.reason


def test_too_many_bad_videos_stop_the_run(ray_cluster, spoiled, tmp_path):
    ingest = source(spoiled, tmp_path, max_reject_share=0.01)
    with pytest.raises(TooManyRejectsError, match="1 of 14 videos cannot be read"):
        list(ingest.training(0))
