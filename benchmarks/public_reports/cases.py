"""Cases by name, and how one is run: in a folder of its own, with what it came to and what it said."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Seen:
    """What a case came to.

    Attributes:
        ok: What was wanted is what happened.
        said: What a person would see of it: the line that a job ended with, or what was counted.
    """

    ok: bool
    said: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the record."""

    case: str
    ok: bool
    seconds: float
    said: str


Case = Callable[[Path], Seen]
"""Makes what a report tells of, in an empty folder, and says what came of it."""

CASES: dict[str, Case] = {}
"""Every case, by its function's name, in the order of the modules that ``__main__`` imports."""


def case(function: Case) -> Case:
    """Add a function to CASES; its docstring says what is tried."""
    CASES[function.__name__] = function
    return function


def run_case(name: str, folder: Path) -> Row:
    """Run one case; whatever it raises is told as its failure, so that the others are run."""
    folder.mkdir(parents=True)
    started = time.perf_counter()
    try:
        seen = CASES[name](folder)
    except Exception as error:  # Told in the record; a case that raises is a failed one.
        seen = Seen(ok=False, said=f"{type(error).__name__}: {error}")
    return Row(case=name, ok=seen.ok, seconds=round(time.perf_counter() - started, 1), said=seen.said)
