"""Every bad input ends with one clear line on standard error and exit code 2, never with a traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from epitoma.config import to_dict
from epitoma.datasets.manifest import write_manifest
from epitoma.datasets.schema import VideoRow
from epitoma.presets import demo_selector
from epitoma.training.checkpoint import write_json
from epitoma.training.run_config import TrainConfig
from ray_jobs.command_line import run_job
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.extract import ExtractConfig, extract
from ray_jobs.prepare import PrepareConfig, prepare
from ray_jobs.report import ReportConfig, report
from ray_jobs.sweep import SweepConfig, sweep
from ray_jobs.train import train

JOBS = {
    "train": (TrainConfig, train),
    "extract": (ExtractConfig, extract),
    "evaluate": (EvaluateConfig, evaluate),
    "prepare": (PrepareConfig, prepare),
    "sweep": (SweepConfig, sweep),
    "report": (ReportConfig, report),
}


def job(name: str, *arguments: str | Path, cwd: Path) -> tuple[int, str]:
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[2]))
    done = subprocess.run(
        [sys.executable, "-m", f"ray_jobs.{name}", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


def one_line_of(complaint: str) -> str:
    assert "Traceback" not in complaint
    lines = complaint.strip().splitlines()
    assert len(lines) == 1, complaint
    return lines[0]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a job in the empty folder as its command does, but in this process, which is faster."""
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGTERM)

    def run(name: str, *arguments: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            run_job(*JOBS[name], about=name)
        assert stop.value.code == 2
        return one_line_of(capsys.readouterr().err)

    yield run
    signal.signal(signal.SIGTERM, handler)


def manifest(folder: Path, label: str = "tea") -> Path:
    (folder / "a.mp4").write_bytes(b"x")
    row = VideoRow(
        video_id="a",
        path="a.mp4",
        split="train",
        labels=(label,),
        duration_seconds=1.0,
        fps=8.0,
        frame_count=8,
        intervals=None,
    )
    path = folder / "manifest.parquet"
    write_manifest(path, [row], classes=["tea"], multi_label=False)
    return path


def test_no_manifest(refused):
    line = refused("train", "--manifest", "gone.parquet", "--name", "x")
    assert "no manifest at gone.parquet" in line
    assert "ray_jobs.prepare" in line


def test_a_command_says_it_on_standard_error_and_exits_with_2(tmp_path):
    code, complaint = job("evaluate", "--run", "runs/x", "--manifest", "m", cwd=tmp_path)
    assert code == 2
    assert "no finished run at runs/x" in one_line_of(complaint)


def test_an_empty_folder(refused, tmp_path):
    (tmp_path / "videos").mkdir()
    line = refused("prepare", "folder", "--root", "videos", "--output", "out")
    assert "videos" in line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["table", "--file", "gone.csv"], "no file at gone.csv"),
        (["table", "--file", "set.csv"], "set.csv: has no column labels; its columns are path, label"),
        (["breakfast", "--root", "gone"], "gone: no such folder"),
        (["breakfast", "--root", "videos"], "has no videos like P03/cam01/P03_cereals.avi"),
        (["charades", "--root", "videos"], "no Charades_v1_train.csv and Charades_v1_test.csv in"),
        (
            ["charades", "--root", "videos", "--unlabelled", "some"],
            "Expected one of ('official', 'keep', 'drop')",
        ),
        (["folder", "--root", "videos", "--test-share", "0.9"], "shares 0.15 and 0.9 must not be negative"),
        (["folder", "--root", "."], "lies inside ., which is only read: choose another folder"),
        (["cereals"], "Expected one of"),
    ],
)
def test_datasets_that_cannot_be_prepared(refused, tmp_path, arguments, expected):
    (tmp_path / "videos").mkdir()
    (tmp_path / "set.csv").write_text("path,label\na.mp4,tea\n")
    assert expected in refused("prepare", *arguments, "--output", "out")
    assert not (tmp_path / "out").exists()


def test_unknown_labels(refused, tmp_path):
    path = manifest(tmp_path)
    table = pq.read_table(path)
    column = table.schema.get_field_index("labels")
    pq.write_table(table.set_column(column, table.schema.field(column), [[["coffee"]]]), path)
    line = refused("train", "--manifest", path, "--name", "x")
    assert "coffee" in line
    assert "a" in line


def test_a_missing_weight_file(refused, tmp_path):
    path = manifest(tmp_path)
    line = refused("extract", "--manifest", path, "--networks.light.weights", "gone.pth")
    assert "no weight file at gone.pth" in line


def test_an_option_that_does_not_exist(refused, tmp_path):
    line = refused("train", "--manifest", "m", "--name", "x", "--bugdet", "3")
    assert "--bugdet" in line


def test_a_config_field_that_does_not_exist(refused, tmp_path):
    values = {**to_dict(demo_selector(Path("runs"), Path("m.parquet"))), "bugdet": 3}
    write_json(tmp_path / "config.json", values)
    line = refused("train", "--config", "config.json")
    assert "bugdet" in line


@pytest.mark.parametrize("option", ["--timesteps", "--sparsity.target-timesteps"])
def test_a_value_of_the_wrong_type(refused, tmp_path, option):
    line = refused("train", "--manifest", "m", "--name", "x", option, "many")
    assert "many" in line


def test_a_required_option_that_is_missing(refused, tmp_path):
    assert "--name" in refused("train", "--manifest", "m")


def test_no_such_run(refused, tmp_path):
    line = refused("evaluate", "--run", "runs/x", "--manifest", "m")
    assert "no finished run at runs/x" in line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--space", "tune_spaces.gone"], "the search space tune_spaces.gone cannot be read"),
        (["--space", "empty.py"], "empty.py has no SPACE"),
        (["--space", "wrong.py"], "sparsity.target_timesteps can be 'many', but must be of type"),
        (["--space", "tune_spaces.quick", "--trials", "0"], "trials must be at least 1, not 0"),
        (["--space", "tune_spaces.quick", "--like", "gone"], "no run and no file of options at gone"),
        (["--space", "tune_spaces.quick", "--resume"], "split 'validation' has no videos"),
    ],
)
def test_sweeps_that_cannot_be_run(refused, tmp_path, arguments, expected):
    (tmp_path / "empty.py").write_text("SPACE = {}\n")
    (tmp_path / "wrong.py").write_text("SPACE = {'sparsity.target_timesteps': 'many'}\n")
    assert expected in refused("sweep", "--manifest", manifest(tmp_path), "--name", "x", *arguments)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["front", "--sweep", "gone"], "no sweep at gone"),
        (["front"], "--sweep"),
        (["sync", "--run", "gone"], "no run at gone"),
        (["table9"], "Expected one of {table1"),
    ],
)
def test_reports_of_nothing(refused, arguments, expected):
    assert expected in refused("report", *arguments)


def test_help_reads_well_and_ends_well(tmp_path):
    code, _ = job("train", "--help", cwd=tmp_path)
    assert code == 0
