"""Recognising many files at once: none costs the others their answers.

That each gets the answer that it gets alone is seen in tests/ray_jobs/test_predict.py.
"""

import os
import signal
import time

import pytest
import torch

from epitoma.core.stalls import reading
from epitoma.datasets.listing import ListedVideo
from epitoma.datasets.unlabelled import Unlabelled, list_unlabelled
from epitoma.models.videoepitoma import ModelConfig, VideoEpitoma, build_model
from epitoma.on_ray.decode.attempts import LOST, STALL_VARIABLE, STALLED
from epitoma.on_ray.predict.inference import FIRST_PASSES_PER_TASK, predict_files
from epitoma.on_ray.predict.stages import PredictRequest
from epitoma.video.index import VideoIndex, index_video
from epitoma.video.index_table import StoredIndices


@pytest.fixture
def model(model_config: ModelConfig) -> VideoEpitoma:
    return build_model(model_config).eval()


def told(results) -> tuple[dict, dict]:
    """Rows by video id and reasons by video id; every video must be answered once."""
    results = list(results)
    rows = [row for each in results for row in each.rows]
    rejects = [reject for each in results for reject in each.rejects]
    names = [row["video_id"] for row in rows] + [reject.video_id for reject in rejects]
    assert len(names) == len(set(names))
    return {row["video_id"]: row for row in rows}, {reject.video_id: reject.reason for reject in rejects}


def does_what_its_name_says(path: str) -> VideoIndex:
    if "kills" in path:
        os.kill(os.getpid(), signal.SIGKILL)
    if "stalls" in path:
        with reading():
            time.sleep(600)
    return index_video(path)


@pytest.mark.long
def test_files_that_kill_or_stall_their_worker_cost_no_other_file(
    ray_cluster, dataset, model, model_config, monkeypatch
):
    """Of a model without a selector, which sees every candidate."""
    monkeypatch.setenv(STALL_VARIABLE, "5")
    model_config.has_selector = False
    paths = dataset.resolved_paths()[: FIRST_PASSES_PER_TASK + 1]
    videos = [ListedVideo(video_id=path, path=path, labels=()) for path in paths]
    for name in ("kills", "stalls"):
        videos.insert(3, ListedVideo(video_id=name, path=f"/{name}.mp4", labels=()))
    listed = Unlabelled(videos=tuple(videos), indices=StoredIndices(None))
    rows, rejects = told(
        predict_files(
            listed, model, model_config, PredictRequest(), gpus=0, index_file=does_what_its_name_says
        )
    )
    assert set(rows) == set(paths)
    assert rejects == {"kills": LOST, "stalls": STALLED.format(5)}
    assert {row["kept"] for row in rows.values()} == {8}
    assert len({row["gmacs"] for row in rows.values()}) == 1


@pytest.mark.long
def test_a_fault_of_the_model_is_raised_and_not_taken_for_a_bad_video(
    ray_cluster, dataset, model, model_config
):
    model.classifier.mlp[0] = torch.nn.Linear(7, 7)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes"):
        list(predict_files(list_unlabelled(str(dataset.path)), model, model_config, PredictRequest(), gpus=0))
