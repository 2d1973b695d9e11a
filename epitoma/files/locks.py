"""Locks between processes: one at a time, on one machine or on several that share a file system."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def locked(path: Path, *, limit_seconds: float) -> Iterator[bool]:
    """Hold a lock for the block, and yield whether it is held.

    The system frees the lock of a process that died, wherever it ran. Folders on NFS are locked for all machines that
    mount them, as far as their servers have locks; elsewhere a file stands for the lock.

    Args:
        path: File that stands for what is locked; it may vanish when nobody holds it.
        limit_seconds: How long to wait for another holder; 0 tries once.
    """
    lock = FileLock(path, timeout=limit_seconds)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
