"""A job says that it starts before it imports what takes seconds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ray_jobs.parts.first_line import job_of


@pytest.mark.parametrize(
    ("command", "job"),
    [
        (["python", "-m", "ray_jobs.train", "--name", "x"], ("train", ["--name", "x"])),
        (["python", "-u", "-m", "ray_jobs.report", "-h"], ("report", ["-h"])),
        (["python", "-m", "ray_jobs.cli", "train"], None),
        (["python", "-m", "pytest", "-m", "ray_jobs.train"], None),
        (["python", "-um", "ray_jobs.train"], ("train", [])),
        (["python", "-mray_jobs.train", "-m", "x"], ("train", ["-m", "x"])),
        (["python", "-X", "importtime", "-W", "error", "-m", "ray_jobs.train"], ("train", [])),
        (["python", "-Xdev", "-Wignore", "-m", "ray_jobs.train"], ("train", [])),
        (["python", "-W", "-m", "ray_jobs.train"], None),
        (["python", "-m"], None),
        (["python", "worker.py", "-m"], None),
        (["python", "worker.py", "-m", "ray_jobs.train"], None),
        (["python", "-u", "worker.py", "-m", "ray_jobs.train"], None),
        (["python", "-c", "pass", "-m", "ray_jobs.train"], None),
        (["python", "-cpass", "-m", "ray_jobs.train"], None),
        (["python", "-", "-m", "ray_jobs.train"], None),
        (["python"], None),
    ],
)
def test_a_job_is_known_by_how_python_was_called(command, job):
    assert job_of(command) == job


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["-m", "ray_jobs.prepare"], "prepare"),
        ([str(Path(sys.executable).with_name("epitoma")), "prepare"], "prepare"),
    ],
    ids=["module", "program"],
)
def test_the_first_line_comes_before_ray_is_imported(command, name, tmp_path):
    """In one stream with what Python says of its imports; nothing is asked of the job, which it says in one line."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    lines = done.stdout.splitlines()
    first = lines.index(f"epitoma {name}: starting")
    imported = [line.split("|")[-1].strip() for line in lines]
    assert first < imported.index("ray")
    assert done.returncode == 2


def test_a_script_that_is_told_of_a_job_is_none(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import ray_jobs")
    done = subprocess.run(
        [sys.executable, script, "-m", "ray_jobs.train"],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=str(Path(__file__).parents[3])),
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_help_has_no_such_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "ray_jobs.prepare", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("usage: ")
