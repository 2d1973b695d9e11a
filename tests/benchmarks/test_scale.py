"""What follows from measurements is arithmetic that holds, and all that is measured can be measured."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks.scale import QUICK, main
from benchmarks.scaling.page import fill
from benchmarks.scaling.plan import Plan, collate_seconds, core_seconds, cores_per_gpu, limits
from epitoma.core.errors import ConfigError


def ingest(timesteps: int, frames: int, seconds: float) -> dict:
    named = {"timesteps": timesteps, "frames": frames, "size": 224}
    return {**named, "layout": "here", "core_seconds_a_video": seconds, "videos_per_second": 1 / seconds}


def kept(megabytes: int, per_second: float) -> dict:
    named = {"timesteps": 32, "frames": 1, "size": 224, "bytes_by_formula": megabytes * 10**6}
    others = ("bytes_by_ray_data", "bytes_in_store", "collated_bytes_per_second")
    return {**named, **dict.fromkeys(others, 1.0), "collated_videos_per_second": per_second}


MEASURED = {
    "machine": "A machine.",
    "rows_per_task": 8,
    "start": [
        {"rows": 1000, "seconds": 9.0}
        | dict.fromkeys(("driver_gib", "worker_gib", "controller_gib", "decoder_gib"), 1.0)
    ],
    "decode": [
        {
            "timesteps": 32,
            "frames": 1,
            "core_seconds_a_video": 0.2,
            "videos_per_second_1_cores": 5.0,
            "videos_per_second_2_cores": 9.0,
        }
    ],
    "local": [ingest(32, 1, 0.2), ingest(128, 1, 0.5), ingest(32, 8, 0.3), ingest(128, 8, 1.0)],
    "remote": [ingest(32, 1, 0.4)],
    "kept": [kept(10, 100), kept(170, 10)],
    "tasks": {
        "tasks_per_second": 100,
        "driver_core_seconds_a_task": 0.008,
        "head_core_seconds_a_task": 0.001,
        "raylets_core_seconds_a_task": 0.002,
    },
    "events": {"events_per_second": 1000},
    "transfer": {"bytes_per_second": 5e8},
}
PLAN = Plan(timesteps=32, frames=1, heavy="resnet2d", kept=16, gpu_tflops=2, gpu_share=1, backward=1)


def test_cores_are_videos_a_second_times_their_cost():
    gmacs = 2 * 0.92 + 61.69
    assert PLAN.gmacs == pytest.approx(gmacs)
    assert PLAN.wanted == pytest.approx(1000 / gmacs)
    assert cores_per_gpu(PLAN, MEASURED) == pytest.approx(1000 / gmacs * 0.3), "the mean of both layouts"
    assert replace(PLAN, backward=3).wanted == pytest.approx(PLAN.wanted / 3)


@pytest.mark.parametrize(
    ("timesteps", "seconds"), [(8, 0.3), (32, 0.3), (80, 0.65), (128, 1.0), (256, 2.0)], ids=str
)
def test_between_what_was_measured_cost_is_a_line_and_beyond_in_proportion(timesteps, seconds):
    plan = replace(PLAN, timesteps=timesteps, frames=8, kept=4)
    assert core_seconds(plan, MEASURED) == pytest.approx(seconds)


def test_who_gives_way_first_comes_first():
    found = limits(replace(PLAN, frames=8, network_gbit=1, gpus_per_node=4), MEASURED)
    strain = [limit.gpus / (1 if limit.per == "GPU" else 4) for limit in found]
    assert strain == sorted(strain)
    assert found[0].name == "network, 1 Gbit/s"
    assert found[0].sustains == pytest.approx(1e9 / 8 / (32 * 9 * 224**2 * 3))


def test_large_videos_are_collated_slower():
    small, large = PLAN, replace(PLAN, timesteps=128, frames=8)
    assert collate_seconds(small, MEASURED) == pytest.approx(0.01)
    assert collate_seconds(large, MEASURED) == pytest.approx(0.1 * large.row_bytes / 170e6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"heavy": "vgg"}, "heavy is 'vgg', must be one of resnet2d"),
        ({"kept": 33}, "kept is 33, must be from 1 to timesteps 32"),
        ({"gpu_share": 0.0}, "gpu_share is 0.0, must be above 0"),
    ],
)
def test_plans_that_cannot_be_are_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        replace(PLAN, **changes)


def test_what_was_not_measured_is_not_planned():
    with pytest.raises(ConfigError, match="nothing was measured for 16 frames at 224 pixels, only for"):
        core_seconds(replace(PLAN, frames=16), MEASURED)


def test_a_page_is_filled_again_and_keeps_its_words(repository, tmp_path):
    page = tmp_path / "scale.md"
    page.write_text((repository / "docs" / "scale.md").read_text())
    fill(page, MEASURED)
    first = page.read_text()
    assert "| 1,000 | 9 | 1.00 |" in first
    assert first.startswith("# How far it scales")
    fill(page, {**MEASURED, "machine": "Another machine."})
    assert page.read_text() == first.replace("A machine.", "Another machine.")
    page.write_text("no marks")
    with pytest.raises(ConfigError, match="put <!-- machine --> and <!-- end machine --> where it belongs"):
        fill(page, MEASURED)


def test_a_plan_is_a_command(tmp_path, capsys):
    file = tmp_path / "scale.json"
    file.write_text(json.dumps(MEASURED))
    command = ["--plan", str(file), "--timesteps", "32"]
    main([*command, "--frames", "8", "--kept", "8"])
    assert "| 32 x 8 | i3d on 8 |" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--kept", "64"])
    assert capsys.readouterr().err == "error: kept is 64, must be from 1 to timesteps 32\n"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_everything_can_be_measured(repository, tmp_path):
    """In a process of its own: it starts and ends clusters, and the tests share one."""
    file = tmp_path / "scale.json"
    options = ["--quick", "--root", str(tmp_path), "--json", str(file)]
    subprocess.run([sys.executable, "-m", "benchmarks.scale", *options], cwd=repository, check=True)
    measured = json.loads(file.read_text())
    (start,) = measured["start"]
    assert start["rows"] == 100
    assert 0.1 < start["worker_gib"] < 2
    for row in measured["kept"]:
        assert row["bytes_by_ray_data"] == pytest.approx(row["bytes_by_formula"], rel=0.02)
        assert row["bytes_in_store"] >= row["bytes_by_formula"]
    assert {row["layout"] for row in [*measured["local"], *measured["remote"]]} == {
        layout.name for layout in QUICK.layouts
    }
    assert measured["tasks"]["driver_core_seconds_a_task"] > 0
