import json
from pathlib import Path

import pytest

from benchmarks.bad_decoders import killing
from benchmarks.public_reports.commands import epitoma
from benchmarks.public_reports.hangs import NETWORKS
from epitoma.core.errors import ConfigError
from epitoma.datasets.manifest import Manifest
from epitoma.on_ray.decode.attempts import LOST
from ray_jobs.parts.cost_reports import CostConfig, Table1Config, made_video
from ray_jobs.report import report


def test_costs_of_ones_own_networks_stage_by_stage(
    ray_cluster, dataset: Manifest, tmp_path: Path, networks_config, capsys
):
    config = CostConfig(
        networks=networks_config,
        timesteps=8,
        kept=(2, 8),
        json=tmp_path / "cost.json",
        video=Path(dataset.resolved_paths()[0]),
        made=tmp_path,
    )
    report(config)
    few, all_of_them = json.loads((tmp_path / "cost.json").read_text())
    assert (few["timesteps"], few["kept"], all_of_them["kept"]) == (8, 2, 8)
    assert all_of_them["heavy"] == pytest.approx(4 * few["heavy"])
    stages = ("light_net", "context", "gating", "heavy", "classifier")
    assert few["total"] == pytest.approx(sum(few[stage] for stage in stages))
    assert all(few[stage] > 0 for stage in stages)
    assert few["decode_ms"] > 0
    assert all_of_them["decode_ms"] > 0
    assert "GMACs a video, 8 candidates" in capsys.readouterr().out


@pytest.mark.parametrize("kept", [(), (0,), (9,)])
def test_impossible_budgets_are_refused(kept: tuple[int, ...]):
    with pytest.raises(ConfigError, match="must be from 1 to timesteps, 8"):
        CostConfig(timesteps=8, kept=kept)


def test_a_missing_video_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"no video at .*gone\.mp4"):
        Table1Config(video=tmp_path / "gone.mp4")


@pytest.mark.jobs
@pytest.mark.long
def test_a_video_that_kills_its_decoder_costs_one_line_and_not_the_job(dataset: Manifest, tmp_path: Path):
    video = dataset.resolved_paths()[0]
    command = ("report", "cost", "--video", video, *NETWORKS, "--kept", "1")
    done = epitoma(*command, folder=tmp_path, environment=killing(video))
    assert done.ends_with(2, video, LOST), done.printed


def test_the_video_to_measure_is_made_once(tmp_path: Path):
    path = made_video(tmp_path)
    made = path.stat().st_mtime_ns
    assert made_video(tmp_path) == path
    assert path.stat().st_mtime_ns == made
