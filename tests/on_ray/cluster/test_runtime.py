"""What a process may rely on that uses Ray through us."""

import subprocess
import sys

CODE = """
import epitoma.on_ray.cluster.runtime
import ray
try:
    ray.put(1)
except Exception as error:
    print(type(error).__name__, ray.is_initialized())
"""


def test_no_call_starts_a_ray_that_nobody_asked_for():
    """As the closing of a pipeline would after a session's end."""
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["RaySystemError", "False"]
