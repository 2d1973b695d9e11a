"""Stopwatch: time of inference by stage, decoding, LightNet and HeavyNet."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Stopwatch:
    """Milliseconds spent in each stage.

    Attributes:
        spent: Milliseconds by stage.
    """

    spent: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("decoding", "light", "heavy"), 0.0)
    )

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Add the wall-clock time of the block to a stage; GPU work counts in the stage that waits for its result."""
        started = time.perf_counter()
        yield
        self.spent[what] += (time.perf_counter() - started) * 1e3
