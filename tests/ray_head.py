"""A real head of a Ray cluster on free ports of loopback, with token authentication, as `ray start` makes it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc

DEADLINE_SECONDS = 240
JOB_SECONDS = 400
TRIES = 3
STOP_SECONDS = 5
PROGRAMS = Path(sys.executable).parent
REPOSITORY = Path(__file__).parent.parent
FREE_PORTS = (
    "port",
    "ray-client-server-port",
    "dashboard-port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "runtime-env-agent-port",
    "metrics-export-port",
    "object-manager-port",
    "node-manager-port",
)


class RayHead:
    """One head; everything it writes lies in a folder of its own.

    The folder is not pytest's, because paths of Unix sockets must stay below 107 bytes.
    """

    def __init__(self, *, cpus: int, environment: dict[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rh", dir="/tmp"))
        self.home = self.folder / "home"
        self.home.mkdir()
        self.cpus = cpus
        self.ports: dict[str, int] = {}
        self.environment = {
            **without_ray(os.environ),
            "HOME": str(self.home),
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "RAY_AUTH_MODE": "token",
            "RAY_worker_niceness": "0",
            **(environment or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where processes on this machine join."""
        return f"{self._ip}:{self.ports['port']}"

    @property
    def client_address(self) -> str:
        """Where processes elsewhere join by Ray's client."""
        return f"ray://{self._ip}:{self.ports['ray-client-server-port']}"

    @property
    def dashboard(self) -> str:
        """Where jobs are submitted."""
        return f"http://127.0.0.1:{self.ports['dashboard-port']}"

    @property
    def token(self) -> str:
        """What every request must carry."""
        return (self.home / ".ray" / "auth_token").read_text().strip()

    def start(self, *options: str) -> None:
        """Make the token, start, and wait until jobs can be submitted.

        Ray gives itself 30 s to start, which it may not keep on a machine that is busy with other tests.
        """
        self.ray("get-auth-token", "--generate")
        for _ in range(TRIES):
            self.ports = dict(zip(FREE_PORTS, free_ports(len(FREE_PORTS)), strict=True))
            if self._starts(options):
                return
        raise AssertionError(f"the head does not start: {self.log.read_text()}")

    def _starts(self, options: Sequence[str]) -> bool:
        """Whether it answers, or has ended before that."""
        command = [PROGRAMS / "ray", "start", "--head", "--block", "--log-color=false"]
        ports = [f"--{name}={port}" for name, port in self.ports.items()]
        own = [f"--num-cpus={self.cpus}", "--dashboard-host=127.0.0.1", f"--temp-dir={self.folder}"]
        random = ["--min-worker-port=0", "--max-worker-port=0", "--disable-usage-stats"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *ports, *own, *random, *options],
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._answers():
            if self.process.poll() is not None:
                _end_group(self.process)
                return False
            assert time.monotonic() < deadline, f"the head does not answer: {self.log.read_text()}"
            time.sleep(0.5)
        return True

    def stop(self) -> None:
        """End the head with all it started, and remove what it wrote."""
        if self.process is not None:
            _end_group(self.process)
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def ray(self, *arguments: str | Path, **changes: str | None) -> subprocess.CompletedProcess[str]:
        """Run Ray's command line in the head's environment, changed as said: None removes a variable."""
        return run([PROGRAMS / "ray", *arguments], {**self.environment, **changes})

    def python(self, code: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
        """Run a bit of Python in the head's environment, changed as said: None removes a variable."""
        return run([sys.executable, "-c", code], {**self.environment, **changes})

    def submit(
        self, *entrypoint: str | Path, options: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Submit the repository as a person does; waits for the job's end unless the options say otherwise."""
        command = ["job", "submit", "--address", self.dashboard, "--working-dir", REPOSITORY, *options, "--"]
        return self.ray(*command, "python", "-m", *entrypoint)

    def request(self, path: str, *, token: str | None = None, data: bytes | None = None) -> int:
        """HTTP status of a request to the dashboard."""
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        asked = urllib.request.Request(f"{self.dashboard}{path}", data=data, headers=headers)
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def grpc_status(self, address: str, method: str, *, token: str | None = None) -> str:
        """Status of an empty request to one of Ray's own gRPC services."""
        metadata = [] if token is None else [("authorization", f"Bearer {token}")]
        with grpc.insecure_channel(address.removeprefix("ray://")) as channel:
            call = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
            try:
                call(b"", timeout=30, metadata=metadata)
            except grpc.RpcError as error:
                return error.code().name
        return "OK"

    @property
    def log(self) -> Path:
        """What `ray start` printed."""
        return self.folder / "ray_start.log"

    @property
    def _ip(self) -> str:
        """The address that Ray has chosen for this machine; its client server listens on no other."""
        return re.search(r"Local node IP: (\S+)", self.log.read_text()).group(1)

    def _answers(self) -> bool:
        if "Ray runtime started" not in self.log.read_text():
            return False
        try:
            return self.request("/api/jobs/", token=self.token) == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


@contextmanager
def ray_head(*, cpus: int = 2, environment: dict[str, str] | None = None) -> Iterator[RayHead]:
    """A head for the block."""
    head = RayHead(cpus=cpus, environment=environment)
    try:
        head.start()
        yield head
    finally:
        head.stop()


def without_ray(environment: "os._Environ[str]") -> dict[str, str]:
    """Without what a Ray in this process has set for its own children."""
    return {name: value for name, value in environment.items() if not name.startswith("RAY_")}


def run(
    command: Sequence[str | Path], environment: dict[str, str | None]
) -> subprocess.CompletedProcess[str]:
    """Run a command, standard error with standard output."""
    return subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={name: value for name, value in environment.items() if value is not None},
        cwd=REPOSITORY,
        timeout=JOB_SECONDS,
        check=False,
    )


def free_ports(count: int) -> list[int]:
    """So many ports that nothing listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask a process group to end, and kill what is left of it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_SECONDS)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            # There is nothing left, or something that does not listen.
            continue
