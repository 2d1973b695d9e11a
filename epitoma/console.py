"""What a person sees while a job runs: one line a phase, with speed and time left."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from epitoma.addresses import hide_secrets

Advance = Callable[..., None]
"""Called with (done, total) and any ``note`` to show beside the bar."""

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def phase(title: str, *, unit: str = "videos") -> Iterator[Advance]:
    """A live bar on a terminal, and one closing line everywhere.

    Args:
        title: What is being done.
        unit: What is counted.
    """
    started = time.perf_counter()
    seen = {"done": 0, "note": ""}
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None, note="")

        def advance(done: int, total: int | None, note: str = "") -> None:
            seen.update(done=done, note=note)
            progress.update(task, completed=done, total=total, note=note or _speed(done, started, unit))

        yield advance
    seconds = time.perf_counter() - started
    note = seen["note"] or (_speed(seen["done"], started, unit) if seen["done"] else "")
    closing_line(title, seconds, note)


def closing_line(title: str, seconds: float, note: str) -> None:
    """Say what was done and how long it took."""
    console.print(f"  {title:<44} {seconds:6.1f} s   {note}".rstrip())


@contextmanager
def live() -> Iterator[Callable[[RenderableType], None]]:
    """A place on a terminal that shows the newest of what it is given; nothing where there is no terminal."""
    if not console.is_terminal:
        yield lambda shown: None
        return
    with Live(console=console, transient=True, refresh_per_second=2) as place:
        yield place.update


def say(line: str) -> None:
    """Print a line, in which addresses are without their secrets."""
    console.print(hide_secrets(line), markup=False)


def complain(line: str) -> None:
    """Print a line to standard error, in which addresses are without their secrets."""
    errors.print(hide_secrets(line), markup=False)


def _speed(done: int, started: float, unit: str) -> str:
    seconds = max(time.perf_counter() - started, 1e-6)
    return f"{done} {unit}, {done / seconds:.1f} {unit}/s"
