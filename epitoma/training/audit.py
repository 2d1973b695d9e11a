"""Audit: a record of the videos of each training step, to check that none is lost or repeated in an epoch."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from epitoma.files.presence import entries_of
from epitoma.files.room import needing_room
from epitoma.training.batch import Batch
from epitoma.training.context import TrainContext
from epitoma.training.loop import BatchSource

AUDIT_FOLDER = "audit"


class AuditedSource:
    """A batch source that records every training batch just before it is yielded.

    Args:
        source: Source of the batches.
        folder: Folder of the run.
        context: Context of this worker.
    """

    def __init__(self, source: BatchSource, folder: Path, context: TrainContext) -> None:
        self.source = source
        self.node = context.node
        # All workers of an attempt record under one name: the start time of rank 0.
        self.attempt = context.gather(time.time_ns())[0]
        self.path = folder / AUDIT_FOLDER / f"{self.attempt}_{context.rank}.jsonl"

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch."""
        return self.source.steps_per_epoch

    def training(self, epoch: int, *, first_step: int = 0) -> Iterator[Batch]:
        """Yield the batches of the source, each recorded first.

        Raises:
            RunError: The disk is full.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered, so that a killed worker loses at most the line it was writing.
        with self.path.open("ab", buffering=0) as file:
            for step, batch in enumerate(
                self.source.training(epoch, first_step=first_step), start=first_step
            ):
                self._note(file, epoch, step, batch)
                yield batch

    def validation(self) -> Iterable[Batch]:
        """Yield the validation batches of the source; they are not recorded."""
        return self.source.validation()

    def _note(self, file: BinaryIO, epoch: int, step: int, batch: Batch) -> None:
        noted = {"attempt": self.attempt, "epoch": epoch, "step": step, "videos": batch.video_ids}
        places = {"trained_on": self.node, "decoded_on": sorted(set(batch.decoded_on))}
        with needing_room(str(self.path)):
            file.write((json.dumps({**noted, **places}) + "\n").encode())


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Result of an audit, over the steps that are part of the final model.

    Attributes:
        lost: (epoch, video) pairs that were scheduled and not trained on.
        repeated: (epoch, video) pairs that were trained on more than once.
        attempts: How often the workers were started, resumes included.
    """

    lost: list[tuple[int, str]]
    repeated: list[tuple[int, str]]
    attempts: int


def audit(folder: Path, video_ids: Sequence[str], *, epochs: int) -> Audit:
    """Compare the videos that a run trained on with those of its training split.

    Of the steps before a restart, only those before the restart's first step count: the others were discarded with
    their weights.

    Args:
        folder: Folder of the run.
        video_ids: Ids of its training split.
        epochs: Epochs that it trained.
    """
    seen, attempts = _steps_that_count(folder)
    lost, repeated = [], []
    for epoch in range(epochs):
        times = Counter(video for (when, _), videos in seen.items() if when == epoch for video in videos)
        lost += [(epoch, video) for video in video_ids if not times[video]]
        repeated += [(epoch, video) for video, count in times.items() if count > 1]
    return Audit(lost=lost, repeated=repeated, attempts=attempts)


def notes(folder: Path) -> Iterator[dict[str, Any]]:
    """Read all records of a run's workers, file by file.

    Yields:
        ``attempt`` (start time of its workers), ``rank``, ``epoch``, ``step``, ``videos``, the node ``trained_on``, and
        the nodes that its videos were ``decoded_on``.
    """
    for file in entries_of(folder / AUDIT_FOLDER, "*.jsonl"):
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
    """Lines of a file, without an incomplete last one from a killed worker."""
    return file.read_text().rpartition("\n")[0].splitlines()
