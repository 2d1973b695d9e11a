"""Errors of starting a private Ray, each in one line that says what heals it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from epitoma.core.errors import ClusterError, ClusterRefusedError, EpitomaError, StorageError
from epitoma.core.system_errors import exit_code_of, words_of

ROOM_BYTES = 4_000_000
"""A Ray that starts writes at least as much into its folder; one that finds no room hangs, or dies without a word."""

_MOST_OF_A_SOCKET_PATH = 107
_SOCKET = "session_2026-01-01_00-00-00_000000_0000000/sockets/plasma_store"
"""The longest name that Ray gives to a socket in its folder."""

_TEMPORARY = "set RAY_TMPDIR to a folder of yours with a short name and some room, such as /var/tmp/NAME"


@contextmanager
def starting_privately(log: Path) -> Iterator[None]:
    """Turn errors of starting a private Ray in the block into one of one line.

    Args:
        log: What Ray printed, for the error.

    Raises:
        ClusterRefusedError: The person must change something, and the line says what.
        StorageError: There is no room for Ray, for now.
        ClusterError: Ray does not start for another reason.
    """
    try:
        _check_folder(ray_folder())
        yield
    except EpitomaError:
        raise
    except OSError as error:
        raise _of_the_system(error, _TEMPORARY) from error
    except (
        Exception
    ) as error:  # Ray's start raises a dozen kinds, assertions and plain Exceptions among them.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ClusterError(
            f"a Ray cannot start on this machine ({reason}): run the job again, or join a Ray by RAY_ADDRESS; "
            f"what Ray said is in {log}"
        ) from error


@contextmanager
def needing_home() -> Iterator[None]:
    """Turn errors of finding or writing the file with Ray's token in the block into one of one line.

    Raises:
        ClusterRefusedError: There is no home, or nothing can be written there.
        StorageError: There is no room for it, for now.
    """
    remedy = "set HOME to a folder of yours, or RAY_AUTH_TOKEN_PATH to a file for Ray's token"
    try:
        yield
    except OSError as error:
        raise _of_the_system(error, remedy) from error
    except RuntimeError as error:
        raise ClusterRefusedError(f"a Ray cannot start: this account has no home: {remedy}") from error


def ray_folder() -> Path:
    """Folder in which a private Ray has its sockets and logs while it runs."""
    place = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    return Path(place) / "ray"


def _check_folder(folder: Path) -> None:
    """Check that Ray can use its folder.

    Raises:
        OSError: It cannot be made or written, or has no room.
        ClusterRefusedError: Its name is too long for sockets.
    """
    length = len(os.fsencode(folder.absolute() / _SOCKET))
    if length > _MOST_OF_A_SOCKET_PATH:
        raise ClusterRefusedError(
            f"a Ray cannot start: the name of its folder {folder} is {length - _MOST_OF_A_SOCKET_PATH} letters too "
            f"long: {_TEMPORARY}"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, ROOM_BYTES)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from error


def _of_the_system(error: OSError, remedy: str) -> EpitomaError:
    kind = StorageError if exit_code_of(error) == StorageError.exit_code else ClusterRefusedError
    return kind(f"a Ray cannot start: {words_of(error)}: {remedy}")
