"""Recognising many files at once: each gets the answer that it gets alone, and none costs the others theirs."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from epitoma.datasets.listing import ListedVideo
from epitoma.datasets.manifest import Manifest
from epitoma.datasets.unlabelled import Unlabelled, list_unlabelled
from epitoma.models.videoepitoma import ModelConfig, VideoEpitoma, build_model
from epitoma.on_ray.inference import GLANCES_PER_TASK, recognise_files
from epitoma.on_ray.lost_workers import LOST
from epitoma.on_ray.recognising import Asking
from epitoma.recogniser import Recogniser
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.index_table import StoredIndices


@pytest.fixture
def model(model_config: ModelConfig) -> VideoEpitoma:
    return build_model(model_config).eval()


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """As many as the actors have: sums are rounded in another order with more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def folder(dataset: Manifest, tmp_path: Path) -> Path:
    """All videos of the dataset, a broken one among them."""
    files = tmp_path / "videos"
    files.mkdir()
    for path in dataset.resolved_paths():
        shutil.copyfile(path, files / Path(path).name)
    (files / "broken.mp4").write_bytes(b"no video")
    return files


def told(answers) -> tuple[dict, dict]:
    """Rows by video id and reasons by video id; every video must be answered once."""
    answers = list(answers)
    rows = [row for each in answers for row in each.rows]
    rejects = [reject for each in answers for reject in each.rejects]
    names = [row["video_id"] for row in rows] + [reject.video_id for reject in rejects]
    assert len(names) == len(set(names))
    return {row["video_id"]: row for row in rows}, {reject.video_id: reject.reason for reject in rejects}


@pytest.mark.usefixtures("_one_thread")
@pytest.mark.parametrize("budget", [None, 3])
def test_each_video_gets_the_answer_that_it_gets_alone(ray_cluster, folder, model, model_config, budget):
    rows, rejects = told(
        recognise_files(
            list_unlabelled(str(folder)), model, model_config, Asking(budget=budget, top=2), gpus=0
        )
    )
    alone = Recogniser(model, model_config, device=torch.device("cpu"))
    assert (len(rows), list(rejects)) == (18, ["broken.mp4"])
    for video_id, row in rows.items():
        said = alone.predict(folder / video_id, budget=budget)
        assert row["labels"] == list(said.scores)[:2]
        assert row["scores"] == pytest.approx(list(said.scores.values())[:2], abs=1e-6)
        assert tuple(row["timesteps"]) == said.timesteps
        assert (row["seconds"], row["alpha"]) == (list(said.seconds), pytest.approx(said.alpha, abs=1e-6))
        assert (row["kept"], row["candidates"]) == (len(said.timesteps), 8)
        assert row["gmacs"] == said.gmacs
        assert min(row["decoding_ms"], row["light_ms"], row["heavy_ms"]) > 0


def test_a_model_without_a_selector_sees_every_candidate(ray_cluster, dataset, model, model_config):
    model_config.has_selector = False
    listed = list_unlabelled(str(dataset.path))
    rows, _ = told(recognise_files(listed, model, model_config, Asking(), gpus=0))
    assert {row["kept"] for row in rows.values()} == {8}
    assert len({row["gmacs"] for row in rows.values()}) == 1


def kills_its_process(path: str) -> VideoIndex:
    if "kills" in path:
        os.kill(os.getpid(), signal.SIGKILL)
    return index_video(path)


def test_a_file_that_kills_its_worker_costs_no_other_file(ray_cluster, dataset, model, model_config):
    paths = dataset.resolved_paths()[: GLANCES_PER_TASK + 1]
    videos = [ListedVideo(video_id=path, path=path, labels=()) for path in paths]
    videos.insert(3, ListedVideo(video_id="kills", path="/kills.mp4", labels=()))
    listed = Unlabelled(videos=tuple(videos), indices=StoredIndices(None))
    rows, rejects = told(
        recognise_files(listed, model, model_config, Asking(), gpus=0, index_file=kills_its_process)
    )
    assert set(rows) == set(paths)
    assert rejects == {"kills": LOST}


def test_a_fault_of_the_model_is_raised_and_not_taken_for_a_bad_video(
    ray_cluster, dataset, model, model_config
):
    model.classifier.mlp[0] = torch.nn.Linear(7, 7)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes"):
        list(recognise_files(list_unlabelled(str(dataset.path)), model, model_config, Asking(), gpus=0))
