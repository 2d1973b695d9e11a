"""What can be said of training jobs without a Ray: what a resume refuses, and what a restart forgets."""

import errno
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from epitoma.core.config import to_dict
from epitoma.core.errors import TRY_AGAIN, ConfigError, RunError
from epitoma.files.json_files import write_json
from epitoma.training.run_config import TrainConfig, WorkersConfig
from ray_jobs.evaluate import EvaluateConfig
from ray_jobs.extract import ExtractConfig
from ray_jobs.parts.command_line import run_job
from ray_jobs.parts.demo_configs import demo_selector
from ray_jobs.parts.options import parse
from ray_jobs.train import check_resumed


@pytest.fixture
def config(runs: Path) -> TrainConfig:
    config = demo_selector(runs, runs.parent / "manifest.parquet")
    write_json(config.folder / "config.json", to_dict(config))
    return replace(config, resume=True)


def test_a_resume_may_have_more_epochs_and_workers(config):
    longer = replace(config.optimisation, epochs=99)
    check_resumed(replace(config, optimisation=longer, workers=WorkersConfig(count=2)))


def test_a_resume_with_other_settings_names_them(config):
    with pytest.raises(RunError, match="timesteps 32, not 64") as refusal:
        check_resumed(replace(config, timesteps=64, store_timesteps=64))
    assert "store_timesteps None, not 64" in str(refusal.value)
    assert "optimisation" not in str(refusal.value)


def test_a_full_disk_ends_a_job_in_one_line(monkeypatch, capsys):
    def fill(config: ExtractConfig) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "runs/mlflow.jsonl")

    monkeypatch.setattr(sys, "argv", ["extract", "--manifest", "m"])
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as stop:
            run_job(ExtractConfig, fill, about="")
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert stop.value.code == TRY_AGAIN
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: no room for runs/mlflow.jsonl (No space left on device): make room")


@pytest.mark.parametrize(
    ("config_type", "arguments"),
    [
        (ExtractConfig, ["--manifest", "m", "--timesteps", "0"]),
        (EvaluateConfig, ["--run", "r", "--manifest", "m", "--random-draws", "0"]),
    ],
)
def test_impossible_numbers_are_refused_by_name(config_type, arguments):
    with pytest.raises(ConfigError, match="must be at least 1, not 0"):
        parse(config_type, arguments, about="")


def test_a_config_file_that_is_not_json_is_refused(tmp_path: Path):
    file = tmp_path / "broken.json"
    file.write_text("{not json")
    with pytest.raises(RunError, match=r"broken\.json is not JSON"):
        parse(TrainConfig, ["--config", str(file)], about="")
