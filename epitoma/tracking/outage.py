"""Outages of stores: a store that could not be reached is left alone for a while."""

import time

RETRY_SECONDS = 5.0
"""For each second that a store takes to fail, and for at least one: most of the time goes into the run's work."""


class Outage:
    """How long to leave one store alone."""

    def __init__(self) -> None:
        self._try_again_at = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the store is worth a try."""
        return time.monotonic() >= self._try_again_at

    def begin(self, *, took_seconds: float = 0.0) -> None:
        """Leave the store alone from now on, because it could not be reached; it took so long to find that out."""
        self._try_again_at = time.monotonic() + RETRY_SECONDS * max(1.0, took_seconds)

    def forget(self) -> None:
        """Make the store worth a try at once."""
        self._try_again_at = 0.0


_OUTAGES: dict[str, Outage] = {}


def outage_of(store: str) -> Outage:
    """The outage of a store, by its address.

    All runs of the process share it, because each try may wait for as long as a request may take: a sweep has a run
    for every trial, and waiting once for an unreachable store is enough for all of them.
    """
    # One step, so that threads that ask at once get the same.
    return _OUTAGES.setdefault(store, Outage())
