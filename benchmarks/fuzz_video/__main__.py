"""Mutate valid videos and decode them: no crash, no hang, no more memory than a gigabyte, no wrong picture.

Every mutated file is indexed and decoded in a process of its own kind, watched from outside. A file may end in a
VideoError or in frames; anything else counts as a failure and is kept. A picture is wrong that is not counted as
replaced and that a plain decode of the file does not show at its place, or at that of the frame that stands in for it.

    python -m benchmarks.fuzz_video --count 5000
"""

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import run_benchmark
from benchmarks.fuzz_video.fuzz import fuzz
from benchmarks.fuzz_video.outcome import by_kind
from benchmarks.record import write_record
from epitoma.reporting.console import say


@dataclass(frozen=True, kw_only=True)
class FuzzConfig:
    """Options.

    Attributes:
        count: How many files.
        seed: From which they follow.
        keep: Where those that fail are kept.
        json: Where to write the record.
    """

    count: int = 5000
    seed: int = 0
    keep: Path = Path("runs/benchmarks/fuzz")
    json: Path | None = None


def run(config: FuzzConfig) -> None:
    """Fuzz, print what became of the files, and exit with 1 if one failed."""
    outcomes = fuzz(config.count, seed=config.seed, keep=config.keep)
    rows = by_kind(outcomes)
    for row in rows:
        say(f"{row.files:6d} {row.kind}, slowest {row.slowest_seconds} s, {row.memory_bytes >> 20} MiB")
    refused = [outcome.detail for outcome in outcomes if outcome.kind == "refused"]
    for reason, number in Counter(re.sub(r"\d+", "n", detail) for detail in refused).most_common(12):
        say(f"{number:6d} refused: {reason}")
    write_record(config.json, rows)
    sys.exit(any(outcome.is_failure for outcome in outcomes))


if __name__ == "__main__":
    run_benchmark(FuzzConfig, run, about=__doc__)
