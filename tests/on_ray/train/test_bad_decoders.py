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
from tests.on_ray.conftest import steady_run

KILLS, STALLS = 2, 7
"""Their places in the training split."""

LIMIT_SECONDS = 3.0


@pytest.mark.jobs
@pytest.mark.long
def test_a_run_with_both_has_the_losses_of_one_with_two_that_are_no_videos(dataset: Manifest, tmp_path: Path):
    outcomes = {}
    for name in ("plain", "deadly"):
        shutil.copytree(dataset.path.parent, tmp_path / name)
        manifest = read_manifest(tmp_path / name / "manifest.parquet")
        paths = manifest.split("train").resolved_paths()
        if name == "plain":
            for place in (KILLS, STALLS):
                Path(paths[place]).write_bytes(b"no video at all")
            environment = {}
        else:
            environment = killing(paths[KILLS]) | stalling(
                paths[STALLS], pipe=tmp_path / "pipe", limit_seconds=LIMIT_SECONDS
            )
        run = replace(steady_run(manifest, tmp_path / "runs"), name=name, max_reject_share=0.2)
        with RunningJob(run, environment) as job:
            code, printed = job.ended()
        assert code == 0, printed
        rejects = pq.read_table(run.folder / "rejects.parquet").to_pylist()
        outcomes[name] = losses(run.folder), {row["video_id"]: row["reason"] for row in rejects}
    plain, deadly = outcomes["plain"], outcomes["deadly"]
    assert deadly[0] == plain[0]
    ids = dataset.split("train").video_ids
    assert deadly[1] == {ids[KILLS]: LOST, ids[STALLS]: STALLED.format(LIMIT_SECONDS)}
    assert deadly[1].keys() == plain[1].keys()
