"""A process that is done with Ray ends as it should, whatever still waits for Ray in it."""

import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
import time
from pathlib import Path
from threading import Thread

from epitoma.on_ray.cluster.ending import waiting_threads
from epitoma.on_ray.cluster.runtime import ray_session
import ray

@ray.remote
def slow() -> int:
    time.sleep(3)
    return 1

def drop(references: list) -> None:
    while references:
        references.pop()
        time.sleep(5e-3)

with ray_session(logs=Path(sys.argv[1])):
    references = [ray.put(1) for _ in range(8000)]
    Thread(target=drop, args=(references,), daemon=True).start()
    answer = slow.remote()
    Thread(target=lambda: print(ray.get(answer), flush=True), name="late", daemon=True).start()
    while waiting_threads() != ["late"]:
        time.sleep(0.01)
print("ended, with references left" if references else "dropped too early to show anything")
"""


@pytest.mark.jobs
@pytest.mark.long
def test_threads_that_still_wait_for_ray_or_drop_references_do_not_end_the_process(tmp_path: Path):
    """Ray's core would, with exit code 1 and without a word."""
    done = subprocess.run([sys.executable, "-c", CODE, tmp_path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["1", "ended, with references left"]
