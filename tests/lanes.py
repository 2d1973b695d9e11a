"""`make test`: the lanes of the suite side by side, with one summary and one exit code.

What needs no Ray runs under pytest-xdist; what shares one has a session of its own. What starts whole jobs, heads or
nodes, each with a Ray of its own, would hang beside a Ray in its own process, and follows after these. Whatever else is
given on the command line is handed on to every lane.
"""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

ROOT = Path(__file__).parent.parent
NO_TESTS = 5
"""Exit code of a pytest that found no test."""

ENDED_EARLY = 1
"""In place of the exit code 0 of a pytest that has left no report: something ended its process."""

SLOWEST = 15
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait for each other on cores that others need cost many times what they save."""


@dataclass(frozen=True)
class Lane:
    """Tests that one pytest runs.

    Attributes:
        name: Begins every line that it prints.
        tests: Expression of markers.
        options: Of pytest.
    """

    name: str
    tests: str
    options: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What became of a lane.

    Attributes:
        code: Exit code of its pytest.
        passed: How many tests passed.
        skipped: How many were skipped.
        failed: Names of those that failed, or whose fixtures did.
        seconds: Of every test, fixtures included.
    """

    code: int
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def lanes(cores: int) -> tuple[tuple[Lane, ...], ...]:
    """Those that run side by side; of each of these, one after another."""
    plain = Lane("plain", "not slow and not ray and not jobs and not heads", ("-n", str(max(1, cores // 2))))
    return (
        (plain, Lane("jobs", "jobs and not slow")),
        (Lane("ray", "ray and not slow and not jobs and not heads"), Lane("heads", "heads and not slow")),
    )


def run(lane: Lane, arguments: Sequence[str], folder: Path, out: TextIO, *, root: Path = ROOT) -> Outcome:
    """Run a lane; its output is printed line by line, with its name before it.

    On one thread, since the lanes beside it have use for the other cores.
    """
    report = folder / f"{lane.name}.xml"
    command = [sys.executable, "-m", "pytest", "-m", lane.tests, *lane.options, f"--junitxml={report}"]
    with subprocess.Popen(
        [*command, *arguments],
        cwd=root,
        env={**ONE_THREAD, **os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            out.write(f"[{lane.name}] {line}")
            out.flush()
    return outcome(process.returncode, report)


def outcome(code: int, report: Path) -> Outcome:
    """Read what a pytest has written of its tests; one that ended early has written nothing."""
    found = Outcome(code=code)
    if not report.is_file():
        return Outcome(code=code or ENDED_EARLY)
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        # A test whose teardown fails too is there twice.
        found.seconds[name] = found.seconds.get(name, 0.0) + float(case.get("time", 0))
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            found.failed += [] if name in found.failed else [name]
        elif "skipped" in kinds:
            found.skipped += 1
        else:
            found.passed += 1
    return found


def one_after_another(
    column: Sequence[Lane], arguments: Sequence[str], folder: Path, out: TextIO
) -> list[tuple[Lane, Outcome]]:
    """Run the lanes of a column."""
    return [(lane, run(lane, arguments, folder, out)) for lane in column]


def summary(
    outcomes: Sequence[tuple[Lane, Outcome]], seconds: float, *, may_be_empty: bool
) -> tuple[list[str], int]:
    """What is printed at the end, and the exit code: 0 where every lane has run and nothing failed.

    Args:
        outcomes: Of the lanes.
        seconds: That all of it took.
        may_be_empty: Whether a lane may have no test, as where some were chosen; but not all of them.
    """
    all_seconds = {name: spent for _, each in outcomes for name, spent in each.seconds.items()}
    slowest = sorted(all_seconds, key=all_seconds.__getitem__, reverse=True)[:SLOWEST]
    lines = ["", f"slowest of {len(all_seconds)} tests, their fixtures included:"]
    lines += [f"  {all_seconds[name]:6.1f} s  {name}" for name in slowest]
    failed = [name for _, each in outcomes for name in each.failed]
    lines += [f"FAILED {name}" for name in failed]
    good = (0, NO_TESTS) if may_be_empty else (0,)
    broken = [(lane, each) for lane, each in outcomes if each.code not in good and not each.failed]
    lines += [
        f"FAILED lane {lane.name}: pytest ended early (exit code {each.code}), see above"
        for lane, each in broken
    ]
    passed, skipped = (sum(getattr(each, name) for _, each in outcomes) for name in ("passed", "skipped"))
    lines += [f"{seconds:.0f} s", f"{passed} passed, {len(failed) + len(broken)} failed, {skipped} skipped"]
    codes = [each.code for _, each in outcomes]
    is_good = not failed and not broken and any(code == 0 for code in codes)
    return lines, 0 if is_good else 1


def usable_cores() -> int:
    """Cores that this process may use, which may be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main(arguments: Sequence[str], out: TextIO = sys.stdout) -> int:
    """Run all lanes and print what came of them."""
    started = time.monotonic()
    columns = lanes(usable_cores())
    with TemporaryDirectory() as folder, ThreadPoolExecutor(len(columns)) as threads:
        running = [
            threads.submit(one_after_another, column, arguments, Path(folder), out) for column in columns
        ]
        outcomes = [each for column in running for each in column.result()]
    lines, code = summary(outcomes, time.monotonic() - started, may_be_empty=bool(arguments))
    out.write("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
