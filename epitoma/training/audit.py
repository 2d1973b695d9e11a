"""A record of which videos each step of a run saw and where, to show that none is lost or seen twice in an epoch."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from epitoma.training.batch import Batch
from epitoma.training.context import TrainContext
from epitoma.training.loop import BatchSource

AUDIT_FOLDER = "audit"


class AuditedSource:
    """A source that notes every training batch in the moment it is handed over.

    Args:
        source: Where batches come from.
        folder: Of the run.
        context: Whose worker this is.
    """

    def __init__(self, source: BatchSource, folder: Path, context: TrainContext) -> None:
        self.source = source
        self.node = context.node
        self.attempt = context.gather(time.time_ns())[0]
        self.path = folder / AUDIT_FOLDER / f"{self.attempt}_{context.rank}.jsonl"

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch."""
        return self.source.steps_per_epoch

    def training(self, epoch: int, *, first_step: int = 0) -> Iterator[Batch]:
        """Pass batches on, each noted first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", buffering=1) as file:
            for step, batch in enumerate(
                self.source.training(epoch, first_step=first_step), start=first_step
            ):
                self._note(file, epoch, step, batch)
                yield batch

    def validation(self) -> Iterable[Batch]:
        """Pass batches on."""
        return self.source.validation()

    def _note(self, file: TextIO, epoch: int, step: int, batch: Batch) -> None:
        noted = {"attempt": self.attempt, "epoch": epoch, "step": step, "videos": batch.video_ids}
        places = {"trained_on": self.node, "decoded_on": sorted(set(batch.decoded_on))}
        file.write(json.dumps({**noted, **places}) + "\n")


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What the steps that count saw.

    Attributes:
        lost: (epoch, video) that were scheduled and not seen.
        repeated: (epoch, video) that were seen more than once.
        attempts: How often workers began or went on.
    """

    lost: list[tuple[int, str]]
    repeated: list[tuple[int, str]]
    attempts: int


def audit(folder: Path, video_ids: Sequence[str], *, epochs: int) -> Audit:
    """Compare what a run saw with what it should have seen.

    Of what was done before a restart only the steps before its first one count: what came of the others was thrown
    away with the weights of then.

    Args:
        folder: Of the run.
        video_ids: Of its training split.
        epochs: How many it trained.
    """
    seen, attempts = _steps_that_count(folder)
    lost, repeated = [], []
    for epoch in range(epochs):
        times = Counter(video for (when, _), videos in seen.items() if when == epoch for video in videos)
        lost += [(epoch, video) for video in video_ids if not times[video]]
        repeated += [(epoch, video) for video, count in times.items() if count > 1]
    return Audit(lost=lost, repeated=repeated, attempts=attempts)


def notes(folder: Path) -> Iterator[dict[str, Any]]:
    """All that workers of a run have noted, file by file.

    Yields:
        ``attempt`` (when its workers began), ``rank``, ``epoch``, ``step``, ``videos``, the node it was
        ``trained_on``, and those that its videos were ``decoded_on``.
    """
    for file in sorted((folder / AUDIT_FOLDER).glob("*.jsonl")):
        rank = int(file.stem.split("_")[1])
        for line in _whole_lines(file):
            yield {**json.loads(line), "rank": rank}


def _steps_that_count(folder: Path) -> tuple[dict[tuple[int, int], list[str]], int]:
    """Videos of each (epoch, step) in its last attempt, and how many attempts there were."""
    by_attempt: dict[int, dict[tuple[int, int], list[str]]] = {}
    for noted in notes(folder):
        steps = by_attempt.setdefault(noted["attempt"], {})
        steps.setdefault((noted["epoch"], noted["step"]), []).extend(noted["videos"])
    seen: dict[tuple[int, int], list[str]] = {}
    for attempt in sorted(by_attempt):
        first = min(by_attempt[attempt])
        seen = {place: videos for place, videos in seen.items() if place < first} | by_attempt[attempt]
    return seen, len(by_attempt)


def _whole_lines(file: Path) -> list[str]:
    """All lines but one that a killed worker left torn."""
    return file.read_text().rpartition("\n")[0].splitlines()
