"""Failures to reach a store: the many errors of MLflow and of the network as one that a person can act on."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from mlflow import MlflowException

from epitoma.core.errors import TrackingError
from epitoma.files.uris import hide_secrets, without_secrets

_SERVER_ERROR = 500
_NOT_FOR_US = (401, 403, 404)
"""A server, or a proxy before it, that does not let us in, or knows nothing of MLflow."""


@contextmanager
def reaching(store: str) -> Iterator[None]:
    """Turn failures of the block to reach a store into one error.

    What the store finds wrong with a request is a mistake of ours, and passes as it is.

    Args:
        store: Its address.

    Raises:
        TrackingError: The store cannot be reached.
    """
    try:
        yield
    except (MlflowException, requests.RequestException) as error:
        status = _status(error)
        if status < _SERVER_ERROR and status not in _NOT_FOR_US:
            raise
        # Without its cause, which a traceback would show with the whole address.
        raise TrackingError(_message(store, error, status)) from None


def _status(error: MlflowException | requests.RequestException) -> int:
    """The status of the server's answer; where there was none, as if the server had failed."""
    return error.get_http_status_code() if isinstance(error, MlflowException) else _SERVER_ERROR


def _message(store: str, error: Exception, status: int) -> str:
    # The text of these errors may hold the whole address.
    reason = hide_secrets(str(error).strip().splitlines()[0])
    remedy = "give MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN" if status in _NOT_FOR_US else "start it"
    return (
        f"MLflow at {without_secrets(store)} cannot be reached ({reason}); {remedy}, "
        "or leave MLFLOW_TRACKING_URI unset"
    )
