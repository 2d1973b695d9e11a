"""A sweep where a video does its worst: it is left out, and said."""

from pathlib import Path

import pytest

from epitoma.datasets.manifest import Manifest
from epitoma.files.json_files import read_json, write_json
from epitoma.on_ray.decode.attempts import STALLED
from ray_jobs.sweep import SweepConfig, sweep

SPACE = """from ray import tune

SPACE = {"sparsity.target_timesteps": tune.grid_search([2]), "optimisation.epochs": 1}
"""


@pytest.mark.long
@pytest.mark.usefixtures("ray_cluster")
def test_a_video_that_stalls_its_reader_costs_itself_only(
    tiny_run: Path, stalling: Manifest, runs: Path, tmp_path: Path, capsys
):
    (tmp_path / "space.py").write_text(SPACE)
    write_json(tmp_path / "like.json", {**read_json(tiny_run), "max_reject_share": 0.1})
    result = sweep(
        SweepConfig(
            manifest=stalling.path,
            name="sweep",
            space=str(tmp_path / "space.py"),
            like=tmp_path / "like.json",
            runs=runs,
        )
    )
    assert len(result.trials) == 1
    address = stalling.split("train").resolved_paths()[3]
    assert capsys.readouterr().out.count(f"  rejected {address}: {STALLED.format(1)}\n") == 1
