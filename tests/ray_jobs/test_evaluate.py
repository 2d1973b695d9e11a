"""Evaluation where a video does its worst: it is left out, and said."""

import shutil
from pathlib import Path

import pytest

from epitoma.datasets.manifest import Manifest
from epitoma.on_ray.decode.attempts import STALLED
from ray_jobs.evaluate import EvaluateConfig, evaluate


@pytest.mark.long
def test_a_video_that_stalls_its_reader_costs_itself_only(
    trained_run: Path, stalling: Manifest, runs: Path, tmp_path: Path, capsys
):
    shutil.copytree(trained_run / "model", runs / "run" / "model")
    points = evaluate(
        EvaluateConfig(
            run=runs / "run",
            manifest=stalling.path,
            split="train",
            features=tmp_path / "features",
            max_reject_share=0.1,
        )
    )
    assert {"selector", "uniform"} <= {point.sampling for point in points}
    address = stalling.split("train").resolved_paths()[3]
    assert capsys.readouterr().out.count(f"  rejected {address}: {STALLED.format(1)}\n") == 1
