"""Extraction into a real store: never twice, never stale, and equal to what the networks say."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from epitoma.core.errors import RunError, TooManyRejectsError
from epitoma.datasets.manifest import read_manifest
from epitoma.models.speed import Speed
from epitoma.models.videoepitoma import Networks
from epitoma.on_ray.decode.attempts import STALLED
from epitoma.on_ray.decode.decoding import decode_timesteps
from epitoma.on_ray.predict.features import VIDEOS_PER_ACTOR, actors_for, extract_features, store_key
from epitoma.on_ray.train.ingest import channels_first, decode_spec, snippets_channels_first
from epitoma.training.feature_store import read_features
from epitoma.video.index import index_video


@pytest.fixture
def networks(networks_config) -> Networks:
    torch.manual_seed(0)
    return Networks(networks_config).eval()


def extract(manifest, networks, root, **settings):
    settings = {"timesteps": 4, "max_reject_share": 0.1, **settings}
    return extract_features(manifest, networks, root=root, watch=lambda done, total: None, **settings)


@pytest.mark.parametrize(
    ("videos", "actors"),
    [(1, 1), (VIDEOS_PER_ACTOR, 1), (2 * VIDEOS_PER_ACTOR, 2), (100 * VIDEOS_PER_ACTOR, 8)],
)
def test_few_videos_are_worth_few_processes(videos, actors):
    assert actors_for(videos, most=8) == actors
    assert actors_for(videos, most=0) == 1, "a head without cores, whose cluster has yet to grow"


@pytest.mark.long
def test_features_are_what_the_networks_say_and_are_computed_once(ray_cluster, dataset, networks, tmp_path):
    first = extract(dataset, networks, tmp_path)
    assert (first.computed, first.rejects) == (18, [])
    assert first.folder == (tmp_path / store_key(networks, timesteps=4).digest()).resolve()
    again = extract(dataset.split("test"), networks, tmp_path)
    assert (again.folder, again.computed) == (first.folder, 0)
    stored = read_features(first.folder, dataset)
    assert stored.video_ids == dataset.video_ids
    path, frame_count = dataset.resolved_paths()[7], dataset.table["frame_count"][7].as_py()
    starts_T, spec = stored.starts_VT[7].astype(np.int64), decode_spec(networks)
    pixels = decode_timesteps(path, index_video(path), starts_T, frame_count, spec)
    with torch.inference_mode():
        heavy_TC = networks.heavy(snippets_channels_first(pixels["snippets"]))
        light_TC = networks.light(channels_first(pixels["frames"][None]))[0]
    assert torch.allclose(stored.heavy_VTC[7], heavy_TC, atol=1e-5)
    assert torch.allclose(stored.light_VTC[7], light_TC, atol=1e-5)


def test_a_changed_key_is_another_store(networks, networks_config):
    keys = {store_key(networks, timesteps=4).digest(), store_key(networks, timesteps=5).digest()}
    with torch.no_grad():
        next(networks.light.parameters()).add_(1)
    keys.add(store_key(networks, timesteps=4).digest())
    larger = replace(networks_config, heavy=replace(networks_config.heavy, size=40))
    keys.add(store_key(Networks(larger), timesteps=4).digest())
    networks.run_as(Speed(precision="bf16"))
    keys.add(store_key(networks, timesteps=4).digest())
    assert len(keys) == 5


@pytest.mark.long
def test_a_video_that_could_not_be_read_is_tried_again(ray_cluster, dataset, networks, tmp_path):
    """A minute without storage, for example: nothing of the file has changed since."""
    copied = tmp_path / "dataset"
    shutil.copytree(dataset.path.parent, copied)
    manifest = read_manifest(copied / dataset.path.name)
    file = Path(manifest.resolved_paths()[2])
    size, times = file.stat().st_size, (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    film = file.read_bytes()
    file.write_bytes(bytes(size))
    os.utime(file, ns=times)
    first = extract(manifest, networks, tmp_path / "features")
    assert (first.computed, len(first.rejects)) == (17, 1)
    assert extract(manifest, networks, tmp_path / "features").rejects == first.rejects
    assert len(list((first.folder / "parts").glob("reject_*.parquet"))) == 1, (
        "a row for it, however often tried"
    )
    file.write_bytes(film)
    os.utime(file, ns=times)
    second = extract(manifest, networks, tmp_path / "features")
    assert (second.folder, second.computed, second.rejects) == (first.folder, 1, [])
    assert read_features(second.folder, manifest).video_ids == manifest.video_ids


@pytest.mark.long
def test_a_video_that_stalls_its_reader_costs_itself_only(ray_cluster, stalling, networks, tmp_path):
    split = stalling.split("train")
    extracted = extract(split, networks, tmp_path)
    assert [(reject.video_id, reject.reason) for reject in extracted.rejects] == [
        (split.video_ids[3], STALLED.format(1))
    ]
    assert extracted.computed == len(split) - 1


@pytest.mark.long
def test_two_extractions_at_once_compute_each_video_once(ray_cluster, dataset, networks, tmp_path):
    waited: list[str] = []
    with ThreadPoolExecutor(2) as threads:
        both = threads.map(lambda _: extract(dataset, networks, tmp_path, wait=waited.append), range(2))
        assert sorted(each.computed for each in both) == [0, 18]
    (line,) = waited
    assert f"is in use by extraction of features, process {os.getpid()} on " in line


@pytest.mark.long
def test_bad_videos_are_told_and_replaced_ones_extracted_anew(ray_cluster, spoiled, networks, tmp_path):
    first = extract(spoiled, networks, tmp_path)
    assert [reject.video_id for reject in first.rejects] == [spoiled.split("train").video_ids[3]]
    again = extract(spoiled, networks, tmp_path)
    assert (again.computed, again.rejects) == (0, first.rejects)
    assert len(read_features(first.folder, spoiled).video_ids) == 17
    with pytest.raises(TooManyRejectsError, match="1 of 18 videos"):
        extract(spoiled, networks, tmp_path, max_reject_share=0.0)

    manifest = spoiled.split("test")
    before = read_features(first.folder, manifest)
    one, other = (Path(path) for path in manifest.resolved_paths()[:2])
    counts = manifest.table["frame_count"].to_pylist()
    longer, shorter = (one, other) if counts[0] >= counts[1] else (other, one)
    place = manifest.resolved_paths().index(str(shorter))
    shutil.copyfile(longer, shorter)
    with pytest.raises(RunError, match="lacks features of 1 of 4 videos"):
        read_features(first.folder, manifest)
    second = extract(manifest, networks, tmp_path)
    assert second.computed == 1
    after = read_features(second.folder, manifest)
    assert not torch.equal(before.heavy_VTC[place], after.heavy_VTC[place])
