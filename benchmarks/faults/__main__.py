"""Break running training jobs in every way that clusters do, and see what comes of it.

    python -m benchmarks.faults --json PATH

Each fault meets a real job, end to end from pixels, in real processes on this machine. What it comes to is compared
with the same job undisturbed: whether each scheduled video was seen once an epoch, and whether the losses are the
same bit for bit.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import check_only, run_benchmark
from benchmarks.faults.bench import Bench
from benchmarks.faults.node_faults import decode_node_killed, head_killed, training_node_killed
from benchmarks.faults.outcome import Outcome, table
from benchmarks.faults.process_faults import decode_worker_killed, driver_killed, training_worker_killed
from benchmarks.faults.storage_faults import checkpoint_disk_full, object_store_too_small
from benchmarks.faults.tracking_faults import mlflow_down
from benchmarks.faults.undisturbed import make_bench
from benchmarks.faults.video_faults import video_kills_decoder, video_stalls_decoder
from benchmarks.record import write_record
from epitoma.reporting.console import phase, say

FAULTS: dict[str, Callable[[Bench], Outcome]] = {
    each.__name__: each
    for each in (
        decode_worker_killed,
        training_worker_killed,
        driver_killed,
        decode_node_killed,
        training_node_killed,
        head_killed,
        mlflow_down,
        checkpoint_disk_full,
        object_store_too_small,
        video_kills_decoder,
        video_stalls_decoder,
    )
}
"""Every fault, by its function's name."""


@dataclass(frozen=True, kw_only=True)
class FaultsConfig:
    """Options.

    Attributes:
        json: Where to write the rows.
        only: Names of faults; empty runs all.
    """

    json: Path | None = None
    only: tuple[str, ...] = ()


def run(config: FaultsConfig) -> None:
    """Run the faults that are asked for, print what came of them, and exit with 1 if one is not as wanted."""
    check_only(config.only, FAULTS, what="fault")
    bench = make_bench()
    outcomes: list[Outcome] = []
    for name in config.only or tuple(FAULTS):
        with phase(name):
            outcomes.append(FAULTS[name](bench))
        say(f"  {outcomes[-1]}")
        write_record(config.json, outcomes)
    say(table(outcomes))
    say(f"{sum(outcome.is_well for outcome in outcomes)} of {len(outcomes)} as wanted")
    sys.exit(not all(outcome.is_well for outcome in outcomes))


if __name__ == "__main__":
    run_benchmark(FaultsConfig, run, about=__doc__)
