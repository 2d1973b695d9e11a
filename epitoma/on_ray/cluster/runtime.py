"""Starting or joining Ray without its console output; Ray's own logs are copied to the run folder."""

import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

from epitoma.on_ray.cluster.joining import joining
from epitoma.on_ray.cluster.variables import set_variables

# Here too, for who uses the package without its jobs.
set_variables()

import ray  # noqa: E402  (Ray reads these variables while it is imported)
import ray.data  # noqa: E402

from epitoma.core.system_errors import line_of  # noqa: E402
from epitoma.on_ray.cluster.ending import end_ray  # noqa: E402
from epitoma.on_ray.cluster.head_watch import HeadWatch, outlasting_the_head  # noqa: E402
from epitoma.on_ray.cluster.loopback import LOOPBACK, keep_token_private, on_loopback  # noqa: E402
from epitoma.on_ray.cluster.private_start import needing_home, starting_privately  # noqa: E402
from epitoma.on_ray.cluster.ray_errors import without_ray_errors  # noqa: E402
from epitoma.reporting.console import complain, phase  # noqa: E402

_ONE_S_OWN = ("", "local")
"""Values of RAY_ADDRESS that mean a private Ray on this machine."""

MAX_LOG_BYTES = 20_000_000
"""Larger log files are not copied."""


@contextmanager
def ray_session(*, logs: Path) -> Iterator[None]:
    """Join the cluster named by RAY_ADDRESS, or start a private one on this machine for the block.

    Args:
        logs: Folder that a private Ray's logs are copied to at the end.

    Raises:
        ClusterError: The cluster cannot be joined, or its head is lost.
    """
    if ray.is_initialized():
        yield
        return
    joined = has_joined()
    said = logs / "ray_start.log"
    with phase(_starting()), _stderr_into(said), _own_sigterm(), joining():
        info = _joined() if joined else _private(said)
    silence_ray()
    head = HeadWatch(_head()) if joined else None
    try:
        with (
            without_ray_errors(_logs_of_ray(logs)),
            head.ending_without_head() if head else nullcontext(),
        ):
            yield
    finally:
        session = getattr(info, "address_info", {}).get("session_dir")
        # Without its head, shutdown would wait and then abort the process.
        if head is None or not head.is_lost:
            end_ray()
        if session and not joined:
            _keep_logs(Path(session) / "logs", logs)


def _starting() -> str:
    """Title of the progress line while Ray starts."""
    return f"join the Ray at {os.environ['RAY_ADDRESS']}" if has_joined() else "start a Ray on this machine"


def silence_ray() -> None:
    """Turn off Ray's progress bars and log messages in this process."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    # Their errors are also raised, tolerated, or printed by this project; the log would add tracebacks.
    for name in ("ray.data", "ray.tune", "optuna"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def cluster_cpus() -> float:
    """CPU cores of the cluster."""
    return ray.cluster_resources().get("CPU", 1.0)


def has_joined() -> bool:
    """Whether this process has joined, or will join, a cluster, which may grow, and not a private Ray."""
    if os.environ.get("RAY_ADDRESS", "") not in _ONE_S_OWN:
        return True
    # Workers are not told the address; a private Ray listens on loopback only.
    return ray.is_initialized() and not _head().startswith(LOOPBACK)


def decode_cpus() -> float:
    """Cores that a decoding task reserves: one, or half of one below 8 cores, which leaves room for networks."""
    return 1.0 if cluster_cpus() >= 8 else 0.5


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Restore the SIGTERM handler after the block: while Ray starts, one of Ray's own exits with the signal's number.

    Raises:
        KeyboardInterrupt: It did, where the handler from before would have raised that.
    """
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as error:
        if error.code != signal.SIGTERM:
            raise
        raise KeyboardInterrupt("SIGTERM while Ray starts") from error
    finally:
        if current_thread() is main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _stderr_into(file: Path) -> Iterator[None]:
    """Redirect standard error of the whole process, native code included, into a file: Ray's core prints there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # Text that is still buffered belongs to the old target.
    sys.stderr.flush()
    kept = os.dup(2)
    with file.open("ab") as target:
        os.dup2(target.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _logs_of_ray(logs: Path) -> str:
    """Where a person finds Ray's logs when the job has ended."""
    return "/tmp/ray/session_latest/logs on its machines" if has_joined() else str(logs)


def _head() -> str:
    """Host and port of the head."""
    return ray.get_runtime_context().gcs_address


def _joined() -> Any:
    with outlasting_the_head():
        return ray.init(log_to_driver=False, logging_level=logging.ERROR)


def _private(log: Path) -> Any:
    """Start a Ray that listens on loopback only, and asks for this account's token."""
    with needing_home():
        keep_token_private()
    with starting_privately(log), on_loopback():
        return ray.init(
            address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
        )


def _keep_logs(source: Path, target: Path) -> None:
    """Copy a session's logs; what goes wrong is only printed, so that it does not hide how the job ended."""
    try:
        _copy_logs(source, target)
    except OSError as error:
        complain(f"Ray's logs are not kept in {target}: {line_of(error)}")


def _copy_logs(source: Path, target: Path) -> None:
    """Copy a session's logs, without empty files and those of MAX_LOG_BYTES or more."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.glob("**/*"):
        if file.is_file() and 0 < file.stat().st_size < MAX_LOG_BYTES:
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
