"""Where the time of recognising a video goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Stopwatch:
    """Milliseconds by what they were spent on."""

    spent: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("decoding", "light", "heavy"), 0.0)
    )

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Count the block's time; work that a GPU was given counts where it is waited for."""
        started = time.perf_counter()
        yield
        self.spent[what] += (time.perf_counter() - started) * 1e3
