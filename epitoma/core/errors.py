"""Errors that a person can act on: a job prints one as a single line and exits with code 2."""

import errno
from pathlib import Path

BAD_INPUT, STOPPED = 2, 130
"""Exit codes: what a person must change, and that a person or the cluster stopped the job."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""What the system says where a disk, or a person's share of it, is full."""


class EpitomaError(Exception):
    """Base of every error caused by input: files, configs, names."""


class ConfigError(EpitomaError):
    """A config has an unknown field, a wrong type, or values that contradict each other."""


class ManifestError(EpitomaError):
    """A manifest is missing, malformed, or names videos or labels that do not exist."""


class WeightsError(EpitomaError):
    """Pretrained weights are missing or do not fit the network."""


class RunError(EpitomaError):
    """A run does not exist, exists already, or is incomplete."""


class DivergedError(EpitomaError):
    """Training ran into numbers that are not finite."""


class VideoError(EpitomaError):
    """One video cannot be read; carries the path and the reason separately for reject rows."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type["VideoError"], tuple[str, str]]:
        """Survive pickling between Ray workers, which rebuilds exceptions from their arguments."""
        return (VideoError, (self.path, self.reason))


class TooManyRejectsError(EpitomaError):
    """More videos than the allowed share could not be read."""


class TrackingError(EpitomaError):
    """MLflow cannot be reached, or has no such run."""


class ClusterError(EpitomaError):
    """The cluster that a job is to join does not answer, or lets nobody in without its token."""
