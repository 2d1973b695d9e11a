"""Damaged files tried one after the other; those that fail are kept."""

import shutil
import tempfile
from pathlib import Path

from benchmarks.fuzz_video.mutations import mutations
from benchmarks.fuzz_video.outcome import Outcome
from benchmarks.fuzz_video.seeds import write_seeds
from benchmarks.fuzz_video.watched import Watched
from epitoma.reporting.console import phase


def fuzz(count: int, *, seed: int, keep: Path) -> list[Outcome]:
    """Try mutated files one after the other, and keep those that fail."""
    outcomes: list[Outcome] = []
    watched = Watched()
    with tempfile.TemporaryDirectory() as name, phase("fuzz", unit="files") as advance:
        folder = Path(name)
        for file_name, content in mutations(write_seeds(folder), count, seed=seed):
            path = folder / file_name
            path.write_bytes(content)
            outcome = watched.outcome(path)
            outcomes.append(outcome)
            if outcome.is_failure:
                keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, keep)
                print(f"{outcome.kind}: {file_name} ({outcome.detail})", flush=True)
            path.unlink()
            advance(len(outcomes), count)
    watched.stop()
    return outcomes
