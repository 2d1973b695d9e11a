"""Joining a cluster that is there, and saying in one line why that cannot be."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from epitoma.core.errors import ClusterError

CONNECT_SECONDS = 10.0
_TOKEN = "RAY_AUTH_MODE=token, and the cluster's token in ~/.ray/auth_token or RAY_AUTH_TOKEN"


@contextmanager
def joining() -> Iterator[None]:
    """What keeps the block from joining RAY_ADDRESS as an error a person can act on; without one nothing is done.

    Raises:
        ClusterError: Nothing answers there, or it lets nobody in without the cluster's token.
    """
    address = os.environ.get("RAY_ADDRESS")
    if address in (None, "", "local"):
        yield
        return
    # Here, because Ray reads variables while it is imported: `runtime.py` sets them first.
    from ray.exceptions import AuthenticationError

    try:
        _reach(address)
        yield
    except AuthenticationError as error:
        raise ClusterError(f"the Ray at RAY_ADDRESS {address} wants its token: give {_TOKEN}") from error
    except ConnectionError as error:
        raise ClusterError(
            f"the Ray at RAY_ADDRESS {address} does not let us in, or is no Ray ({error}); "
            f"if it has a token, give {_TOKEN}"
        ) from error
    except (ValueError, RuntimeError) as error:
        raise ClusterError(f"RAY_ADDRESS {address} cannot be joined: {error}") from error


def _reach(address: str) -> None:
    """Refuse a host and port on which nothing listens: Ray would try for minutes, and then end the process.

    What is no host and port is left to Ray.
    """
    place = urlsplit(address if "://" in address else f"//{address}")
    if place.scheme not in ("", "ray") or place.hostname is None or place.port is None:
        return
    try:
        socket.create_connection((place.hostname, place.port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise ClusterError(
            f"no Ray answers at RAY_ADDRESS {address} ({error.strerror or error}): start it, give the address of "
            "one that runs, or unset RAY_ADDRESS to use this machine alone"
        ) from error
