"""Errors caused by input that the user can correct; a job prints one as a single line and exits with code 2."""

import errno
from pathlib import Path

BAD_INPUT, STOPPED = 2, 130
"""Exit codes: the user must change the input; the user or the cluster stopped the job."""

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
    """Base class of all errors caused by input: files, configs, names."""


class ConfigError(EpitomaError):
    """A config has an unknown field, a wrong type, or values that contradict each other."""


class ManifestError(EpitomaError):
    """A manifest is missing, malformed, or names videos or labels that do not exist."""


class WeightsError(EpitomaError):
    """Pretrained weights are missing or do not fit the network."""


class RunError(EpitomaError):
    """A run does not exist, exists already, or is incomplete."""


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


class TrackingError(EpitomaError):
    """MLflow cannot be reached, does not take what it is sent, or has no such run."""


class ClusterError(EpitomaError):
    """The cluster that a job should join does not answer, or refuses it without its token."""
