"""Run every recipe of public reports and reviews, and say of each whether the right thing happened.

    python -m benchmarks.public_reports --json PATH

Each case is a function of its own with a name, in a module named for its kind; it makes what a person reported (an odd
file, a store that is gone, a full disk), runs the real command, and compares what happened with what should.
"""

import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.command import check_only, run_benchmark
from benchmarks.public_reports import claims as claims
from benchmarks.public_reports import hangs as hangs
from benchmarks.public_reports import hangs_with_a_model as hangs_with_a_model
from benchmarks.public_reports import messages as messages
from benchmarks.public_reports import names as names
from benchmarks.public_reports import outputs as outputs
from benchmarks.public_reports import stops as stops
from benchmarks.public_reports import system as system
from benchmarks.public_reports import tracking_deleted as tracking_deleted
from benchmarks.public_reports import tracking_refuses as tracking_refuses
from benchmarks.public_reports import video as video
from benchmarks.public_reports.cases import CASES, Row, run_case
from benchmarks.record import write_record
from epitoma.reporting.console import phase, say


@dataclass(frozen=True, kw_only=True)
class PublicReportsConfig:
    """Options.

    Attributes:
        json: Where to write the rows.
        only: Names of cases; empty runs all.
    """

    json: Path | None = None
    only: tuple[str, ...] = field(default=())


def by_module() -> dict[str, list[str]]:
    """Names of cases by what their module is about."""
    names: dict[str, list[str]] = {}
    for name, function in CASES.items():
        about = sys.modules[function.__module__].__doc__ or function.__module__
        names.setdefault(about.strip().rstrip("."), []).append(name)
    return names


def run(config: PublicReportsConfig) -> None:
    """Run the cases, print a line for each, and exit with 1 if one is not ok."""
    chosen = config.only or tuple(CASES)
    # A shell has Ctrl-C ignored by what it runs in the background, and processes started here would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    check_only(chosen, CASES, what="case")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as place:
        for name in chosen:
            with phase(name):
                rows.append(run_case(name, Path(place) / name))
            say(f"  {'ok' if rows[-1].ok else 'NOT OK'}: {rows[-1].said}")
            write_record(config.json, rows)
    say(f"{sum(row.ok for row in rows)} of {len(rows)} ok")
    sys.exit(not all(row.ok for row in rows))


if __name__ == "__main__":
    run_benchmark(PublicReportsConfig, run, about=__doc__)
