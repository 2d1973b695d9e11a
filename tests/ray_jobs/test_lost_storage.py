"""Storage that fails ends a job in one line, to be run again, and is not taken for storage without the videos."""

import signal
import sys
from pathlib import Path

import pytest

from epitoma.core.errors import TRY_AGAIN
from epitoma.datasets.manifest import write_manifest
from epitoma.datasets.schema import VideoRow
from epitoma.files.allowed_roots import Roots, write_roots
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.command_line import run_job
from ray_jobs.train import train
from tests.lost_storage import lost_storage


@pytest.fixture
def _signals_as_before():
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.usefixtures("_signals_as_before")
def test_videos_on_storage_that_is_away_are_not_told_to_be_missing(tmp_path: Path, monkeypatch, capsys):
    with lost_storage(tmp_path / "away") as folder:
        video = VideoRow(
            video_id="a",
            path=str(folder / "a.mp4"),
            split="train",
            labels=("tea",),
            duration_seconds=1.0,
            fps=8.0,
            frame_count=8,
        )
        manifest = write_manifest(tmp_path / "m.parquet", [video], classes=["tea"], multi_label=False)
        write_roots(tmp_path, Roots((str(folder),)))
        monkeypatch.setattr(sys, "argv", ["train", "--manifest", str(manifest.path), "--name", "x"])
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as stop:
            run_job(TrainConfig, train, about="train")
    (line,) = capsys.readouterr().err.splitlines()
    assert (stop.value.code, line) == (
        TRY_AGAIN,
        f"error: {folder}/a.mp4: Transport endpoint is not connected",
    )
