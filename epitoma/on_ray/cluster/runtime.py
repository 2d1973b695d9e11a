"""Starting or joining Ray, quietly: what a person sees is ours, Ray's own logs go to the run folder."""

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

QUIET = {
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}
TUNE = {
    # How often it notes which trials are done, so that a killed sweep has little to do again.
    "TUNE_GLOBAL_CHECKPOINT_S": "3",
    # Its own handler would end a sweep that a person stopped as if all had been done.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
}
# At Ray's own 15, decoding on busy cores takes a quarter more CPU time (benchmarks/RESULTS.md).
PRIORITY = {"RAY_worker_niceness": "0"}
for _name, _value in {**QUIET, **PRIORITY, **TUNE}.items():
    os.environ.setdefault(_name, _value)

import ray  # noqa: E402  (Ray reads these variables while it is imported)
import ray.data  # noqa: E402

from epitoma.core.errors import NO_ROOM, ClusterError  # noqa: E402
from epitoma.on_ray.cluster.head_watch import ending_without_head, is_head_lost  # noqa: E402
from epitoma.on_ray.cluster.loopback import keep_token_private, on_loopback  # noqa: E402
from epitoma.reporting.console import complain, phase  # noqa: E402

_ONE_S_OWN = ("", "local")
"""Addresses that stand for no cluster."""

MAX_LOG_BYTES = 20_000_000


@contextmanager
def ray_session(*, logs: Path) -> Iterator[None]:
    """Join the cluster named by RAY_ADDRESS, or start a private one on this machine for the block.

    Args:
        logs: Where a private cluster's logs are copied at the end.

    Raises:
        ClusterError: The cluster cannot be joined, or loses its head.
    """
    if ray.is_initialized():
        yield
        return
    joined = has_joined()
    with phase(_starting()), _stderr_into(logs / "ray_start.log"), _own_sigterm(), joining():
        info = _joined() if joined else _private()
    quieten()
    try:
        with ending_without_head(_head()) if joined else nullcontext():
            yield
    finally:
        session = getattr(info, "address_info", {}).get("session_dir")
        if not is_head_lost():
            ray.shutdown()
        if session and not joined:
            _keep_logs(Path(session) / "logs", logs)


def _starting() -> str:
    """What a person is told while Ray is not there yet."""
    return f"join the Ray at {os.environ['RAY_ADDRESS']}" if has_joined() else "start a Ray on this machine"


def quieten() -> None:
    """Turn off Ray's bars and chatter in this process."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    # Their errors are raised, allowed for, or told by us: logged they would be tracebacks that a person need not read.
    for name in ("ray.data", "ray.tune", "optuna"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def cluster_cpus() -> float:
    """CPU cores of the cluster."""
    return ray.cluster_resources().get("CPU", 1.0)


def cluster_gpus() -> float:
    """GPUs of the cluster."""
    return ray.cluster_resources().get("GPU", 0.0)


def requested_gpus(wanted: bool | None) -> int:
    """How many GPUs to compute on.

    Args:
        wanted: Whether to; None does if there are any.

    Raises:
        ClusterError: GPUs are wanted, and this machine, which is all there is, has none.
    """
    there = int(cluster_gpus())
    if wanted and not there and not has_joined():
        raise ClusterError("a GPU is wanted, and this machine has none: leave --gpu out")
    return 0 if wanted is False else there or int(wanted is True)


def has_joined() -> bool:
    """Whether Ray is a cluster that others may use or enlarge, and not a private one on this machine."""
    return os.environ.get("RAY_ADDRESS", "") not in _ONE_S_OWN


def fits_a_node(resources: dict[str, float]) -> bool:
    """Whether some node of the cluster has all of these, were it idle."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return any(all(node.get(name, 0) >= need for name, need in resources.items()) for node in nodes)


def decode_cpus() -> float:
    """Cores reserved by a decoding task: one, but half on a small machine, so that networks find room."""
    return 1.0 if cluster_cpus() >= 8 else 0.5


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """SIGTERM after the block does what it did before: Ray's core would abort the process."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if current_thread() is main_thread():
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _stderr_into(file: Path) -> Iterator[None]:
    """Send what native code writes to standard error into a file; Ray's core greets a person there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    with file.open("ab") as target:
        os.dup2(target.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _head() -> str:
    """Host and port of the head."""
    return ray.get_runtime_context().gcs_address


def _joined() -> Any:
    return ray.init(log_to_driver=False, logging_level=logging.ERROR)


def _private() -> Any:
    """Start a Ray that listens on loopback alone, and answers nobody without this person's token."""
    keep_token_private()
    with on_loopback():
        return ray.init(
            address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
        )


def _keep_logs(source: Path, target: Path) -> None:
    """Copy a session's logs; where there is no room for them, what the job ends with matters more."""
    try:
        _copy_logs(source, target)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        complain(f"Ray's logs are not kept: no room in {target} ({error.strerror})")


def _copy_logs(source: Path, target: Path) -> None:
    """Copy a session's logs, leaving out files too large to be read by anyone."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.glob("**/*"):
        if file.is_file() and 0 < file.stat().st_size < MAX_LOG_BYTES:
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
