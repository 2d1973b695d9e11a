"""What the rest of Ray sustains when its work is trivial: tasks, events, and objects between nodes."""

import time
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import ray
import ray.data
from ray.data import DataContext, Datasource, ReadTask
from ray.data.block import BlockMetadata

from benchmarks.scaling.layouts import cpu_seconds
from epitoma.on_ray.cluster.runtime import decode_cpus
from epitoma.on_ray.train.board import EventBoard
from epitoma.reporting.console import say
from epitoma.training.events import StepDone

GCS, RAYLET = "gcs_server", "raylet/raylet"
OBJECT_BYTES = 200_000_000
WARMING_TASKS = 20


def task_rate(*, tasks: int) -> dict[str, Any]:
    """Tasks a second of Ray Data's executor where a task gives one number, and the CPU of everyone who serves it."""
    _trivial_tasks(WARMING_TASKS)
    before, started = _served(), time.perf_counter()
    _trivial_tasks(tasks)
    seconds = time.perf_counter() - started
    spent = {name: after - before[name] for name, after in _served().items()}
    measured = {
        "tasks_per_second": tasks / seconds,
        **{f"{name}_core_seconds_a_task": used / tasks for name, used in spent.items()},
    }
    say(f"  tasks {measured}")
    return measured


def event_rate(*, events: int) -> dict[str, Any]:
    """Events a second from a worker to the board that the driver polls."""
    board = EventBoard.remote()
    ray.get(board.take.remote(0))
    started = time.perf_counter()
    for step in range(events):
        board.put.remote(StepDone(epoch=0, step=step, steps=events))
    taken = len(ray.get(board.take.remote(0)))
    seconds = time.perf_counter() - started
    if taken != events:
        raise RuntimeError(f"{events} events were put on the board, {taken} taken from it")
    measured = {"events_per_second": events / seconds}
    say(f"  events {measured}")
    return measured


def transfer_rate(*, objects: int) -> dict[str, Any]:
    """Bytes a second from another node's object store to the driver's, over TCP on loopback."""
    make = ray.remote(num_cpus=1)(_object)
    _seconds_to_fetch(make.remote(OBJECT_BYTES))  # The first one also opens the connection.
    seconds = sum(_seconds_to_fetch(make.remote(OBJECT_BYTES)) for _ in range(objects))
    measured = {"bytes_per_second": OBJECT_BYTES * objects / seconds}
    say(f"  transfer {measured}")
    return measured


def _seconds_to_fetch(reference: ray.ObjectRef) -> float:
    ray.wait([reference], fetch_local=False)
    started = time.perf_counter()
    if ray.get(reference).nbytes != OBJECT_BYTES:
        raise RuntimeError("an object changed its size between nodes")
    return time.perf_counter() - started


class Numbers(Datasource):
    """A task for every number from 0, which gives that number."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: DataContext | None = None
    ) -> list[ReadTask]:
        """Give the tasks."""
        known = BlockMetadata(num_rows=1, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(partial(_number, number), known) for number in range(self.count)]

    def estimate_inmemory_data_size(self) -> int | None:
        """Unknown."""
        return None


def _number(number: int) -> list[pa.Table]:
    return [pa.table({"number": [number]})]


def _object(size_bytes: int) -> np.ndarray:
    return np.ones(size_bytes, np.uint8)


def _trivial_tasks(count: int) -> None:
    numbers = ray.data.read_datasource(Numbers(count), override_num_blocks=count, num_cpus=decode_cpus())
    numbers.context.execution_options.preserve_order = True
    seen = sum(1 for _ in numbers.iter_rows())
    if seen != count:
        raise RuntimeError(f"{count} tasks gave {seen} rows")


def _served() -> dict[str, float]:
    return {
        "driver": time.process_time(),
        "head": cpu_seconds(GCS),
        "raylets": cpu_seconds(RAYLET),
        "all": cpu_seconds(),
    }
