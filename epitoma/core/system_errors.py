"""Errors of the operating system as one line: what it refused, what heals that, and whether it may be tried again."""

import errno

from epitoma.core.errors import BAD_INPUT, NO_ROOM, TRY_AGAIN

MAY_HEAL = frozenset(
    {
        *NO_ROOM,
        errno.EIO,
        errno.ESTALE,
        errno.EREMOTEIO,
        errno.ENOMEM,
        errno.ENFILE,
        errno.EAGAIN,
        errno.EBUSY,
        errno.EINTR,
        errno.EPIPE,
        errno.ETIMEDOUT,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENOTCONN,
    }
)
"""Error numbers of storage, memory and networks that fail for a time: the same command may be run again."""

_AGAIN = "run the job again (training and sweeps with --resume)"
_ROOM = f"make room and {_AGAIN}"
_ELSEWHERE = "choose another folder"

REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EROFS: f"it can only be read: {_ELSEWHERE}, or mount it for writing",
    errno.EACCES: f"{_ELSEWHERE}, or ask its owner for access",
    errno.EPERM: f"{_ELSEWHERE}, or ask its owner for access",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "a link leads back to itself: mend it, or give the file that is meant",
    errno.EMFILE: "too many files are open at once: allow more with `ulimit -n 65536`",
    errno.ENFILE: f"the machine has too many files open: {_AGAIN}",
    errno.ENOMEM: f"the machine has too little memory free: make some free and {_AGAIN}",
    errno.EIO: f"the disk or the network storage fails: see to it and {_AGAIN}",
    errno.EREMOTEIO: f"the network storage fails: see to it and {_AGAIN}",
    errno.ESTALE: f"the network storage was changed or mounted anew: see to it and {_AGAIN}",
}
"""What heals an error, by its number; where there is nothing to add to the system's own words, nothing is."""


def exit_code_of(error: OSError) -> int:
    """TRY_AGAIN for what heals by itself or by an administrator's hand, BAD_INPUT for what the person must change."""
    heals = error.errno in MAY_HEAL or isinstance(error, ConnectionError | TimeoutError)
    return TRY_AGAIN if heals else BAD_INPUT


def line_of(error: OSError) -> str:
    """What was refused, in the system's words, and the remedy."""
    remedy = REMEDIES.get(error.errno or 0)
    return f"{words_of(error)}: {remedy}" if remedy else words_of(error)


def words_of(error: OSError) -> str:
    """What was refused, in the system's words alone."""
    reason, file = error.strerror or str(error) or type(error).__name__, _file_of(error)
    if error.errno in NO_ROOM:
        return f"no room for {file or 'a file'} ({reason})"
    return f"{file}: {reason}" if file else reason


def _file_of(error: OSError) -> str:
    """The file, or both of a rename, that the error is of; empty where it names none."""
    files = [name for name in (error.filename, error.filename2) if name not in (None, "")]
    return " to ".join(
        name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in files
    )
