"""Locks between processes: one at a time, on one machine or on several that share a file system."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from epitoma.core.errors import RunError

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)

_LOOK_EVERY_SECONDS = 0.25
"""Of those who wait: a server of files answers each look."""


@contextmanager
def locked(path: Path, *, limit_seconds: float | None) -> Iterator[bool]:
    """Hold a lock for the block, and yield whether it is held.

    The lock is the operating system's, which frees that of a process that died, wherever it ran. Folders on NFS are
    locked for all machines that mount them.

    Args:
        path: File that stands for what is locked; it may vanish when nobody holds it.
        limit_seconds: How long to wait for another holder; 0 tries once, None waits for its end.

    Raises:
        RunError: The file system cannot lock files.
    """
    # Without the marker file that filelock would keep where there are no locks: it outlives its process.
    lock = FileLock(path, poll_interval=_LOOK_EVERY_SECONDS, fallback_to_soft=False)
    if not _acquired(lock, path, -1 if limit_seconds is None else limit_seconds):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _acquired(lock: FileLock, path: Path, limit_seconds: float) -> bool:
    try:
        lock.acquire(limit_seconds)
    except Timeout:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise RunError(
            f"{path.parent}: its file system cannot lock files ({error.strerror}), and two jobs could write there at "
            "once: mount it with locks (Lustre: -o flock; NFS: without nolock), or choose another folder"
        ) from error
    return True
