"""A real MLflow server on a free port of loopback, that can be stopped and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

DEADLINE_SECONDS = 240
WITHOUT_WHAT_NO_TEST_NEEDS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Else it starts four more processes, which run evaluations of language models.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class MlflowServer:
    """One server; its store survives a stop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        store = ["--backend-store-uri", f"sqlite:///{self.folder / 'server.db'}"]
        artifacts = ["--artifacts-destination", str(self.folder / "artifacts"), "--workers", "1"]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *store, *artifacts],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **WITHOUT_WHAT_NO_TEST_NEEDS},
            )
        try:
            self._wait_for(self.process)
        except AssertionError:
            self.stop()
            raise

    def stop(self) -> None:
        """Kill the server and what it started."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _wait_for(self, process: subprocess.Popen) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._answers():
            assert process.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < deadline, "the MLflow server does not answer"
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
