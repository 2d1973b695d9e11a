"""Ray has read our variables, whichever job is imported, and those of the environment stay."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from epitoma.on_ray.cluster.variables import QUIET, set_variables

SKIPPED = "RAY_DEDUP_LOGS_SKIP_REGEX"
READ_BY_RAY = f"import ray_jobs.sweep; from ray._private.ray_constants import {SKIPPED}; print({SKIPPED})"


@pytest.mark.long
def test_ray_has_read_them_though_a_job_imports_it_first(repository: Path):
    plain = {name: value for name, value in os.environ.items() if name not in QUIET}
    done = subprocess.run(
        [sys.executable, "-c", READ_BY_RAY],
        cwd=repository,
        env=plain,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == QUIET[SKIPPED]


def test_what_the_environment_has_stays(monkeypatch):
    monkeypatch.setenv("RAY_BACKEND_LOG_LEVEL", "debug")
    monkeypatch.delenv("RAY_AIR_NEW_OUTPUT", raising=False)
    set_variables()
    assert os.environ["RAY_BACKEND_LOG_LEVEL"] == "debug"
    assert os.environ["RAY_AIR_NEW_OUTPUT"] == "0"
