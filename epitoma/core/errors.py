"""Errors that are no bugs: a job prints one as a single line, and exits with its code."""

import errno
from pathlib import Path
from typing import ClassVar

BUG, BAD_INPUT, TRY_AGAIN, STOPPED = 1, 2, 75, 130
"""Exit codes: a mistake of ours; the user must change the input; the same command may be run again later (sysexits'
EX_TEMPFAIL); the user or the cluster stopped the job."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of the operating system for a full disk and for an exceeded quota."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its type's name where it has none."""
    return _lines(error)[0]


def last_line(error: BaseException) -> str:
    """The last line of an error's text, or its type's name where it has none."""
    return _lines(error)[-1]


def _lines(error: BaseException) -> list[str]:
    return (str(error).strip() or type(error).__name__).splitlines()


class EpitomaError(Exception):
    """Base class of all errors caused by input (files, configs, names) or by what a job depends on.

    Attributes:
        exit_code: Code that a job ends with.
    """

    exit_code: ClassVar[int] = BAD_INPUT


class ConfigError(EpitomaError):
    """A config has an unknown field, a wrong type, or values that contradict each other."""


class ManifestError(EpitomaError):
    """A manifest is missing, malformed, or names videos or labels that do not exist."""


class WeightsError(EpitomaError):
    """Pretrained weights are missing or do not fit the network."""


class RunError(EpitomaError):
    """A run does not exist, exists already, or is incomplete."""


class TrialsError(RunError):
    """All trials of a sweep failed of what may have healed when they are run again."""

    exit_code = TRY_AGAIN


class BusyError(EpitomaError):
    """Another job works on the same folder now."""

    exit_code = TRY_AGAIN


class DivergedError(EpitomaError):
    """Training produced values that are not finite."""


class VideoError(EpitomaError):
    """A video cannot be read.

    Attributes:
        path: The video.
        reason: Why; kept apart from the path for the table of rejects.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type["VideoError"], tuple[str, str]]:
        """Pickle path and reason: unpickling an exception passes ``args``, which holds the message only."""
        return (VideoError, (self.path, self.reason))


class TooManyRejectsError(EpitomaError):
    """More videos than the allowed share could not be read."""


class StorageError(EpitomaError):
    """There is no room on a disk, or storage fails."""

    exit_code = TRY_AGAIN


class TrackingError(EpitomaError):
    """MLflow cannot be reached, or does not take what it is sent."""

    exit_code = TRY_AGAIN


class ClusterError(EpitomaError):
    """The cluster does not answer, or lost its head, a worker or what a worker had."""

    exit_code = TRY_AGAIN


class ClusterRefusedError(ClusterError):
    """The cluster, or this machine, cannot do what is asked: a token is missing, it is no Ray, it has no GPU."""

    exit_code = BAD_INPUT
