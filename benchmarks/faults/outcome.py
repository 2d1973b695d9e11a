"""What came of a fault, and the table of all."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a fault.

    Attributes:
        fault: Its name.
        survived: The run reached its end.
        resumed_by_hand: It ended before, in one line and with a state to go on from, and was told to ``--resume``.
        recovery_seconds: From the fault, or from being told to resume, to the next step; None where nothing stops.
        videos_lost: Scheduled and not seen, over all epochs.
        videos_repeated: Seen more than once in an epoch.
        same_loss_curve: Its losses are those of the undisturbed run, bit for bit.
        half_written: Checkpoints that are there and cannot be read.
        said: What the job said where it ended.
    """

    fault: str
    survived: bool
    resumed_by_hand: bool
    recovery_seconds: float | None
    videos_lost: int
    videos_repeated: int
    same_loss_curve: bool
    half_written: int
    said: str

    @property
    def is_well(self) -> bool:
        """The run came to its end, and it is as if there had been no fault."""
        wrong = self.videos_lost + self.videos_repeated + self.half_written
        return self.survived and self.same_loss_curve and not wrong


def table(outcomes: Sequence[Outcome]) -> str:
    """Outcomes as Markdown."""
    names = (
        "fault",
        "survived",
        "resumed by hand",
        "recovery, s",
        "lost",
        "repeated",
        "same losses",
        "half written",
    )
    rows = [[*vars(outcome).values()][:-1] for outcome in outcomes]
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
