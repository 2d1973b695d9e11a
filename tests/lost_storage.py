"""Storage that is lost, for real: a mount whose server is gone answers every question with ENOTCONN."""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_DETACH = 2


@contextmanager
def lost_storage(folder: Path) -> Iterator[Path]:
    """Mount a FUSE without a server over an empty folder for the block; skips the test where nothing can be mounted."""
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if not _mounted(libc, folder):
        pytest.skip("no FUSE can be mounted here")
    try:
        with pytest.raises(OSError, match="not connected") as lost:
            os.stat(folder)
        assert lost.value.errno == errno.ENOTCONN
        yield folder
    finally:
        libc.umount2(os.fsencode(folder), _DETACH)


def _mounted(libc: ctypes.CDLL, folder: Path) -> bool:
    try:
        server = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        return False
    try:
        options = f"fd={server},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        return libc.mount(b"lost", os.fsencode(folder), b"fuse", 0, options.encode()) == 0
    finally:
        os.close(server)
