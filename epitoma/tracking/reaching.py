"""Failures of a store: the many errors of MLflow, of databases and of the network as one that a person can act on."""

import os
import re
import sqlite3
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from alembic.util import CommandError
from filelock import Timeout
from mlflow import MlflowException
from sqlalchemy.exc import DatabaseError, OperationalError

from epitoma.core.errors import EpitomaError, TrackingError, first_line
from epitoma.files.uris import hide_secrets, without_secrets
from epitoma.tracking.address import VARIABLE, sqlite_file

MOST_LETTERS_OF_A_REASON = 300

_SERVER_ERROR = 500
_TOO_MANY_REQUESTS = 429
_NOT_FOUND = 404
_NOT_FOR_US = (401, 403)

_NO_ANSWER = re.compile(r"failed with (timeout )?exception")
_TOO_MANY_ANSWERS = re.compile(r"too many (\d+) error responses")
"""What is left of the server's answers where the last of several tries had one too."""

_SYSTEM_ERROR = re.compile(r"\[Errno -?\d+\] [^'\")\]]+")
_OTHER_SCHEMA = "out-of-date database schema"
"""How MLflow speaks of a database that another of its versions made."""


class StoreError(TrackingError):
    """A store did not take what it was sent.

    Attributes:
        what: What went wrong, as the end of a sentence that begins with the store.
        remedy: What to do.
        is_refusal: The store answers, and found something wrong with what it was sent.
        is_of_run: It is about one run, and not about the store.
    """

    def __init__(
        self, store: str, what: str, remedy: str, *, is_refusal: bool = False, is_of_run: bool = False
    ) -> None:
        super().__init__(f"MLflow at {without_secrets(store)} {what}: {remedy}")
        self.what = what
        self.remedy = remedy
        self.is_refusal = is_refusal
        self.is_of_run = is_of_run


@contextmanager
def reaching(store: str) -> Iterator[None]:
    """Turn every failure of the block to reach a store, or to be taken by it, into one error.

    Args:
        store: Its address.

    Raises:
        StoreError: The store cannot be reached, or did not take what it was sent.
    """
    try:
        yield
    except EpitomaError:
        raise
    except Exception as error:  # MLflow, its databases and its files raise whatever they like.
        # Without its cause, which a traceback would show with the whole address.
        raise store_error(store, error) from None


def store_error(store: str, error: Exception) -> StoreError:
    """What to tell of an error that came from a store."""
    reason = _reason(error)
    if _is_of_database(store, error):
        return StoreError(store, f"cannot be used ({reason})", _database_remedy(store, error))
    status = _status(error)
    if status is None:
        return StoreError(store, f"cannot be reached ({reason})", f"start it, or set {VARIABLE} to another")
    if status in _NOT_FOR_US:
        remedy = "give MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN"
        return StoreError(store, f"does not let us in ({reason})", remedy)
    if status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
        return StoreError(store, f"has failed ({reason})", "see its log")
    remedy = f"see whether {VARIABLE} is an MLflow server" if status == _NOT_FOUND else "see its log"
    return StoreError(store, f"has refused it ({reason})", remedy, is_refusal=True)


def _status(error: Exception) -> int | None:
    """The status of the server's answer; None where there was no answer."""
    answers = _TOO_MANY_ANSWERS.search(str(error))
    if answers is not None:
        return int(answers[1])
    if isinstance(error, requests.RequestException):
        return error.response.status_code if error.response is not None else None
    if not isinstance(error, MlflowException):
        return _SERVER_ERROR
    return None if _NO_ANSWER.search(str(error)) else error.get_http_status_code()


def _is_of_database(store: str, error: Exception) -> bool:
    if store.startswith("http"):
        return False
    kinds = (DatabaseError, sqlite3.Error, CommandError, OSError)
    return any(isinstance(each, kinds) for each in _causes(error)) or _OTHER_SCHEMA in str(error)


def _database_remedy(store: str, error: Exception) -> str:
    """What to do about a database that cannot be used."""
    file = sqlite_file(store)
    place = str(file or without_secrets(store))
    causes = _causes(error)
    if any(isinstance(each, CommandError) for each in causes) or _OTHER_SCHEMA in str(error):
        return f"another version of MLflow has made it: use that one, or move {place} away"
    if file is None:
        return f"see whether it runs, and whether {VARIABLE} is right"
    if any(isinstance(each, OperationalError | sqlite3.OperationalError | OSError) for each in causes):
        is_locked = "locked" in str(error) or any(isinstance(each, Timeout) for each in causes)
        return f"end what holds {place}" if is_locked else f"see whether {place} can be written"
    return f"repair {place}, or move it away"


def _causes(error: BaseException) -> list[BaseException]:
    """An error and those that it came from."""
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in found:
        found.append(at)
        at = at.__cause__ or at.__context__
    return found


def _reason(error: Exception) -> str:
    """Why, in some words; the text of these errors may hold the whole address."""
    line = first_line(error)
    # The network's libraries wrap these in many words.
    core = _TOO_MANY_ANSWERS.search(line) or (_NO_ANSWER.search(line) and _SYSTEM_ERROR.search(line))
    words = core[0].strip(" :") if core else line
    return textwrap.shorten(hide_secrets(words), MOST_LETTERS_OF_A_REASON, placeholder=" ...")


def in_the_shell(store: str, command: str) -> str:
    """A command of MLflow's for a store, as a person types it."""
    is_set = os.environ.get(VARIABLE)
    return command if is_set else f"{VARIABLE}='{without_secrets(store)}' {command}"
