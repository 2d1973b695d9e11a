"""How files end, one by one and counted by kind."""

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """How one file ended: a kind that may be, or a failure."""

    kind: str
    detail: str = ""
    seconds: float = 0.0
    memory_bytes: int = 0

    @property
    def is_failure(self) -> bool:
        """Whether this may never happen."""
        return self.kind in ("crash", "hang", "memory", "exception", "picture")


@dataclass(frozen=True, kw_only=True)
class KindOfOutcome:
    """A row of the record: how many files ended in one way.

    Attributes:
        kind: Decoded, replaced (some frames by their neighbours), refused, or a failure.
        files: How many.
        slowest_seconds: CPU time of the one that took longest to index and decode.
        memory_bytes: Most memory that a process had after one.
    """

    kind: str
    files: int
    slowest_seconds: float
    memory_bytes: int


def by_kind(outcomes: list[Outcome]) -> list[KindOfOutcome]:
    """Rows of the record, the most frequent kind first."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    rows = []
    for kind, files in kinds.most_common():
        those = [outcome for outcome in outcomes if outcome.kind == kind]
        slowest = round(max(outcome.seconds for outcome in those), 3)
        memory_bytes = max(outcome.memory_bytes for outcome in those)
        rows.append(KindOfOutcome(kind=kind, files=files, slowest_seconds=slowest, memory_bytes=memory_bytes))
    return rows
