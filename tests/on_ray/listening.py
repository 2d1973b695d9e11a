"""What a process and those below it listen on, watched while they run."""

import ipaddress
from threading import Event, Thread
from typing import Self

from ray._private.utils import psutil

POLL_SECONDS = 0.5
Addresses = dict[tuple[str, int], str]
"""The name of the process that listens on each host and port."""


class Listening:
    """Watches a process for a block.

    Args:
        parent: Its id.

    Attributes:
        seen: Every address that it, or a process below it, has listened on.
    """

    def __init__(self, parent: int) -> None:
        self.parent = parent
        self.seen: Addresses = {}
        self._ended = Event()
        self._watching = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watching.join()

    def public(self) -> Addresses:
        """Addresses that other machines reach."""
        return public(self.seen)

    def _watch(self) -> None:
        while not self._ended.wait(POLL_SECONDS):
            self.seen |= listening(self.parent)


def listening(parent: int) -> Addresses:
    """Addresses that a process and those below it listen on now."""
    found: Addresses = {}
    try:
        top = psutil.Process(parent)
        processes = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return {}
    for process in processes:
        try:
            sockets = process.net_connections(kind="inet")
            found |= {tuple(s.laddr): process.name() for s in sockets if s.status == psutil.CONN_LISTEN}
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def public(addresses: Addresses) -> Addresses:
    """Those that are not on loopback."""
    return {place: name for place, name in addresses.items() if not is_loopback(place[0])}


def is_loopback(host: str) -> bool:
    """Whether an address leads nowhere but to this machine, also written as IPv6."""
    address = ipaddress.ip_address(host)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
