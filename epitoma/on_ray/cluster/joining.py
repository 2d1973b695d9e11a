"""Errors of joining a cluster, each in one line that says what to do."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from epitoma.core.errors import ClusterError, ClusterRefusedError

CONNECT_SECONDS = 10.0
_TOKEN = "RAY_AUTH_MODE=token, and the cluster's token in ~/.ray/auth_token or RAY_AUTH_TOKEN"


@contextmanager
def joining() -> Iterator[None]:
    """Turn errors of joining RAY_ADDRESS in the block into a ClusterError; does nothing where it is not set.

    Raises:
        ClusterError: Nothing listens at the address.
        ClusterRefusedError: The token is missing or wrong, or it is no Ray cluster.
    """
    address = os.environ.get("RAY_ADDRESS")
    if address in (None, "", "local"):
        yield
        return
    # Imported here: Ray reads environment variables on import, and `runtime.py` sets them first.
    from ray.exceptions import AuthenticationError

    try:
        _reach(address)
        yield
    except AuthenticationError as error:
        raise ClusterRefusedError(
            f"the Ray at RAY_ADDRESS {address} wants its token: give {_TOKEN}"
        ) from error
    except ConnectionError as error:
        raise ClusterRefusedError(
            f"the Ray at RAY_ADDRESS {address} does not let us in, or is no Ray ({error}); "
            f"if it has a token, give {_TOKEN}"
        ) from error
    except (ValueError, RuntimeError) as error:
        raise ClusterRefusedError(f"RAY_ADDRESS {address} cannot be joined: {error}") from error


def _reach(address: str) -> None:
    """Raise a ClusterError if nothing listens on the address: Ray would try for minutes, then end the process.

    Addresses without host and port are left to Ray.
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
