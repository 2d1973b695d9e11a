"""Console output of jobs: one line per phase, with its time and speed.

While a phase runs, a terminal shows a progress bar; elsewhere, such as in the log of a job on a cluster, a line of
progress is printed every LOG_SECONDS.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from epitoma.core.names import escaped
from epitoma.files.uris import hide_secrets

Advance = Callable[..., None]
"""Called with (done, total) and any ``note`` to show beside the bar."""

# No mark-up and no emoji codes: names of files, runs and classes may hold [a] and :b:.
_PLAIN: dict[str, Any] = {"highlight": False, "soft_wrap": True, "markup": False, "emoji": False}
console = Console(**_PLAIN)
errors = Console(**_PLAIN, stderr=True)

LOG_SECONDS = 30.0
"""Time between lines of progress where there is no terminal."""


class ProgressLog:
    """Prints lines of progress into a log; prints nothing on a terminal, which has a progress bar.

    A phase shorter than LOG_SECONDS prints only its closing line.

    Args:
        title: Name of the phase.
        unit: What is counted, such as "videos".
    """

    def __init__(self, title: str, unit: str) -> None:
        self.title = title
        self.unit = unit
        self._said = time.perf_counter()
        self._since: float | None = None
        self._before = 0

    def advance(self, done: int, total: int | None, note: str = "") -> None:
        """Print the progress if the last line is LOG_SECONDS old."""
        now = time.perf_counter()
        # Speed counts from here: not what a resumed run had done before, nor what is repeated after a worker's death.
        if self._since is None or done < self._before:
            self._since, self._before = now, done
        if now - self._said >= LOG_SECONDS and done != total and not console.is_terminal:
            self._said = now
            speed = (done - self._before) / max(now - self._since, 1e-6)
            say(f"  {self.title}: {self._line(done, total, speed)}" + (f" ({note})" if note else ""))

    def _line(self, done: int, total: int | None, speed: float) -> str:
        counted = f"{done} {self.unit}" if total is None else f"{done} of {total} {self.unit}"
        if not speed:
            return counted
        line = (
            f"{counted}, {speed:.1f} {self.unit}/s" if speed >= 1 else f"{counted}, {speed:.2g} {self.unit}/s"
        )
        return line if total is None else f"{line}, {time_left((total - done) / speed)} left"


def time_left(seconds: float) -> str:
    """Format a time in the largest unit of which there are at least two, such as ``20 min``."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


@contextmanager
def phase(title: str, *, unit: str = "videos") -> Iterator[Advance]:
    """Show a progress bar on a terminal, or lines of progress elsewhere, and print a closing line at the end.

    Args:
        title: Name of the phase.
        unit: What is counted.
    """
    started = time.perf_counter()
    seen = {"done": 0, "note": ""}
    log = ProgressLog(title, unit)
    columns = (
        TextColumn("  {task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None, note="")

        def advance(done: int, total: int | None, note: str = "") -> None:
            seen.update(done=done, note=note)
            progress.update(task, completed=done, total=total, note=note or _speed(done, started, unit))
            log.advance(done, total, note)

        yield advance
    seconds = time.perf_counter() - started
    note = seen["note"] or (_speed(seen["done"], started, unit) if seen["done"] else "")
    closing_line(title, seconds, note)


def closing_line(title: str, seconds: float, note: str) -> None:
    """Print the closing line of a phase, with the seconds it took."""
    console.print(f"  {title:<44} {seconds:6.1f} s   {note}".rstrip())


@contextmanager
def live() -> Iterator[Callable[[RenderableType], None]]:
    """Live display on a terminal, updated by calling the yielded function; shows nothing elsewhere."""
    if not console.is_terminal:
        yield lambda shown: None
        return
    with Live(console=console, transient=True, refresh_per_second=2) as place:
        yield place.update


def say(line: str) -> None:
    """Print a line, with secrets in addresses hidden."""
    console.print(_shown(line))


def complain(line: str) -> None:
    """Print a line to standard error, with secrets in addresses hidden."""
    errors.print(_shown(line))


def _shown(line: str) -> str:
    return escaped(hide_secrets(line))


def _speed(done: int, started: float, unit: str) -> str:
    seconds = max(time.perf_counter() - started, 1e-6)
    return f"{done} {unit}, {done / seconds:.1f} {unit}/s"
