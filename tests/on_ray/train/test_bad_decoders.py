"""Training from pixels with videos that kill or stall their decoder: they cost themselves only."""

import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.bad_decoders import killing, stalling
from benchmarks.running_job import RunningJob, losses
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.on_ray.decode.attempts import LOST, STALLED
from epitoma.training.run_config import TrainConfig
from tests.on_ray.conftest import steady_run

KILLS, STALLS = 2, 7
"""Their places in the training split."""

LIMIT_SECONDS = 3.0


def copied(dataset: Manifest, folder: Path, *, name: str) -> TrainConfig:
    """A short run on a copy of the dataset."""
    shutil.copytree(dataset.path.parent, folder / name)
    run = steady_run(read_manifest(folder / name / "manifest.parquet"), folder / "runs")
    optimisation = replace(run.optimisation, epochs=2)
    return replace(run, name=name, optimisation=optimisation, max_reject_share=0.2)


def train_paths(run: TrainConfig) -> list[Path]:
    return [Path(path) for path in read_manifest(run.manifest).split("train").resolved_paths()]


def rejects(run: TrainConfig) -> dict[str, str]:
    return {
        row["video_id"]: row["reason"] for row in pq.read_table(run.folder / "rejects.parquet").to_pylist()
    }


@pytest.mark.jobs
@pytest.mark.long
def test_a_run_with_both_has_the_losses_of_one_with_two_that_are_no_videos(dataset: Manifest, tmp_path: Path):
    plain, deadly = (copied(dataset, tmp_path, name=name) for name in ("plain", "deadly"))
    for place in (KILLS, STALLS):
        train_paths(plain)[place].write_bytes(b"no video at all")
    kills, stalls = (str(train_paths(deadly)[place]) for place in (KILLS, STALLS))
    environment = killing(kills) | stalling(stalls, pipe=tmp_path / "pipe", limit_seconds=LIMIT_SECONDS)
    # Side by side: both wait more than they work.
    with RunningJob(plain) as plain_job, RunningJob(deadly, environment) as deadly_job:
        for job in (plain_job, deadly_job):
            code, printed = job.ended()
            assert code == 0, printed
    assert losses(deadly.folder) == losses(plain.folder)
    ids = dataset.split("train").video_ids
    reasons = rejects(deadly)
    assert reasons == {ids[KILLS]: LOST, ids[STALLS]: STALLED.format(LIMIT_SECONDS)}
    assert reasons.keys() == rejects(plain).keys()
