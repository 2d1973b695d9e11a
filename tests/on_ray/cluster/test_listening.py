"""What a private Ray listens on: loopback, and there it answers nobody without the token.

That training in one does so too is seen where a worker is killed, in test_faults.py.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.on_ray.listening import is_loopback, listening, public

ROOT = Path(__file__).parents[2]
SESSION = """
import json, sys
from pathlib import Path
import ray
from epitoma.on_ray.cluster.runtime import ray_session
with ray_session(logs=Path(sys.argv[1])):
    @ray.remote
    class Actor:
        def here(self): return 1
    actor = Actor.remote()
    ray.get(actor.here.remote())
    print(json.dumps({"gcs": ray.get_runtime_context().gcs_address}), flush=True)
    sys.stdin.read()
"""
ASK = """
import sys
from ray._raylet import GcsClient
print(len(GcsClient(address=sys.argv[1]).get_all_node_info(timeout=20)))
"""


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**kept, "PYTHONPATH": str(ROOT), **changes}


def ask(gcs: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ASK, gcs],
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_what_loopback_is():
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "::ffff:127.0.0.1")] == [True] * 3
    assert [is_loopback(host) for host in ("::", "0.0.0.0", "192.0.2.2", "::ffff:192.0.2.2")] == [False] * 4


@pytest.mark.jobs
@pytest.mark.long
def test_a_private_ray_listens_on_loopback_and_asks_for_its_owners_token(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    session = subprocess.Popen(
        [sys.executable, "-c", SESSION, str(tmp_path / "logs")],
        env=environment(HOME=str(home)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        told = next(line for line in session.stdout if line.startswith("{"))
        gcs = json.loads(told)["gcs"]
        addresses = listening(session.pid)
        assert {"gcs_server", "raylet"} <= set(addresses.values())
        assert gcs.startswith("127.0.0.1:")
        assert public(addresses) == {}

        token = home / ".ray" / "auth_token"
        assert token.stat().st_mode & 0o077 == 0
        answered = ask(gcs, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token.read_text())
        assert answered.stdout.strip() == "1", answered.stderr
        for stranger in (
            {"RAY_AUTH_MODE": "disabled", "HOME": str(tmp_path)},
            {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "f" * 64},
        ):
            refused = ask(gcs, **stranger)
            assert refused.returncode != 0
            assert "nauthenticated" in refused.stderr.lower() or "authentication" in refused.stderr.lower()
    finally:
        session.communicate("", timeout=120)
