"""Events of a training run, one dataclass per kind, for `match` statements."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """An optimiser step was taken.

    Attributes:
        epoch: Its epoch, from 0.
        step: Steps of the epoch that are done.
        steps: Steps per epoch.
    """

    epoch: int
    step: int
    steps: int


@dataclass(frozen=True, kw_only=True)
class EpochDone:
    """An epoch has ended.

    Attributes:
        epoch: Its number, from 0.
        metrics: Metrics by name, such as ``train/loss``.
    """

    epoch: int
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class StartValidated:
    """The model that a run starts from was validated.

    Attributes:
        metrics: Metrics by name.
    """

    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """A run was resumed from a checkpoint.

    Attributes:
        epoch: Epochs that are done.
        step: Steps of the next epoch that are done.
        history: Number and metrics of each epoch that is done.
    """

    epoch: int
    step: int
    history: list[dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class PatienceSpent:
    """Training ends early: the last ``patience`` validations found nothing better.

    Attributes:
        epoch: Epochs that are done.
    """

    epoch: int


@dataclass(frozen=True, kw_only=True)
class Collapsed:
    """The selector has collapsed: its gates no longer select.

    Attributes:
        reason: How it collapsed and what to do, in one line.
    """

    reason: str


@dataclass(frozen=True, kw_only=True)
class VideoRejected:
    """A video cannot be read, and is left out of the loss.

    Attributes:
        video_id: Id of the video.
        path: Its file or address.
        reason: Why it cannot be read.
    """

    video_id: str
    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class VideoDamaged:
    """Frames of a video are damaged, and were replaced by the nearest good ones.

    Attributes:
        video_id: Id of the video.
        path: Its file or address.
        replaced_frames: Number of replaced frames.
    """

    video_id: str
    path: str
    replaced_frames: int

    @property
    def line(self) -> str:
        """What a person is told of it."""
        return f"damaged {self.path}: {self.replaced_frames} frames replaced by the nearest good ones"


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """A signal stops the run; workers are asked to save a checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """The run was stopped.

    Attributes:
        workers_ended: Whether workers ended in time.
        checkpoint: Name of the newest checkpoint; None if there is none.
    """

    workers_ended: bool
    checkpoint: str | None


Event = (
    StepDone
    | EpochDone
    | StartValidated
    | Resumed
    | PatienceSpent
    | Collapsed
    | VideoRejected
    | VideoDamaged
    | Stopping
    | Stopped
)
"""Any event of a training run."""
