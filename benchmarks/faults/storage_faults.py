"""No room: on the disk of checkpoints, and in the object store."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults.bench import HURT_AT, ROOT, Bench
from benchmarks.faults.cluster import cluster
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.recovery import last_line, resumed
from benchmarks.running_job import RunningJob
from epitoma.core.errors import TRY_AGAIN
from epitoma.reporting.console import say


def checkpoint_disk_full(bench: Bench) -> Outcome:
    """Fill the disk that checkpoints are written to; make room, and go on."""
    with small_disk(ROOT / "small_disk") as disk:
        config = bench.run_config("checkpoint_disk_full", runs=disk)
        with RunningJob(config) as job:
            job.wait_for_step(*HURT_AT)
            fill(disk)
            code, said = last_line(job)
            assert (code, "no room" in said) == (TRY_AGAIN, True), said
        (disk / "filler").unlink()
        return resumed(bench, config, {}, said=said)


def object_store_too_small(bench: Bench) -> Outcome:
    """An object store of a quarter of the pixels that a run decodes."""
    config = bench.run_config("object_store_too_small")
    with cluster(decode=1, train=1, object_store_bytes=80_000_000) as (_, environment):
        with RunningJob(config, environment) as job:
            code, said = last_line(job)
        return bench.outcome(config, seconds=None, code=code, said="" if code == 0 else said)


@contextmanager
def small_disk(place: Path, *, megabytes: int = 200) -> Iterator[Path]:
    """A disk of its own in memory (as root)."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> None:
    """Leave no room on a disk."""
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1_000_000))
        except OSError as error:
            say(f"  {disk}: {error.strerror}")
