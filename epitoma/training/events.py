"""What happens in a run that a person may want to see: one dataclass a kind of event, to be matched on."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """An optimiser step was taken.

    Attributes:
        epoch: Its epoch, from 0.
        step: Steps that are done of it.
        steps: Steps of an epoch.
    """

    epoch: int
    step: int
    steps: int


@dataclass(frozen=True, kw_only=True)
class EpochDone:
    """An epoch has ended.

    Attributes:
        epoch: Its number, from 0.
        metrics: What it came to.
    """

    epoch: int
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class StartValidated:
    """The model that a run starts from was validated.

    Attributes:
        metrics: What it came to.
    """

    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """A run goes on from a checkpoint.

    Attributes:
        epoch: Epochs that are done.
        step: Steps that are done of the next one.
        history: What each epoch came to.
    """

    epoch: int
    step: int
    history: list[dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class PatienceSpent:
    """Training ends early, since validation has found nothing better for as long as the run has patience.

    Attributes:
        epoch: Epochs that are done.
    """

    epoch: int


@dataclass(frozen=True, kw_only=True)
class Collapsed:
    """Gates no longer choose.

    Attributes:
        reason: How, and what helps, in one line.
    """

    reason: str


@dataclass(frozen=True, kw_only=True)
class VideoRejected:
    """A video cannot be read, and counts in no loss.

    Attributes:
        video_id: Which.
        path: Its file or address.
        reason: Why.
    """

    video_id: str
    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class VideoDamaged:
    """Frames of a video are damaged, and the nearest good ones stand in for them.

    Attributes:
        video_id: Which.
        path: Its file or address.
        replaced_frames: How many.
    """

    video_id: str
    path: str
    replaced_frames: int


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """A person or the cluster stops the run; workers are asked to keep a checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """The run was stopped.

    Attributes:
        workers_ended: Whether workers ended in the time they were given.
        checkpoint: Name of the newest checkpoint; None where there is none.
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
"""Any of them."""
