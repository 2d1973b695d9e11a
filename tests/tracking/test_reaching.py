"""Whatever a store says is said in one line, and ends no job; a real HTTP server on loopback says it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests

from epitoma.tracking.journal import JOURNAL_FILE
from epitoma.tracking.lifecycle import tracked_run
from epitoma.tracking.reaching import StoreError, reaching


class Refusing(BaseHTTPRequestHandler):
    """Answers every request with the server's status."""

    def do_GET(self) -> None:
        self.send_error(self.server.status)

    do_POST = do_PUT = do_PATCH = do_GET

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def answering(status: int) -> Iterator[str]:
    """Address of a server that answers everything with a status."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as refusing:
        refusing.status = status
        Thread(target=refusing.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{refusing.server_port}"
        refusing.shutdown()


@pytest.mark.parametrize(
    ("status", "what", "remedy"),
    [
        (400, "has refused it (", "see its log"),
        (401, "does not let us in (", "give MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN"),
        (403, "does not let us in (", "give MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN"),
        (404, "has refused it (", "see whether MLFLOW_TRACKING_URI is an MLflow server"),
        (413, "has failed (", "see its log"),
        (429, "has failed (", "see its log"),
        (500, "has failed (", "see its log"),
        (503, "has failed (", "see its log"),
    ],
)
def test_a_server_that_answers_anything_else_ends_no_job(tmp_path, monkeypatch, capsys, status, what, remedy):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    folder = tmp_path / "runs" / "one"
    with answering(status) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with tracked_run(folder, params={"a": 1}) as tracker:
            tracker.metrics({"m": 1.0}, step=0)
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith(f"MLflow at {uri} {what}")
    assert last.startswith(f"MLflow at {uri} {what}")
    sync = f"send them by epitoma report sync --run {folder}"
    assert last.endswith(f"4 records are kept in {folder} and not told; {remedy}, then {sync}")
    assert len((folder / JOURNAL_FILE).read_text().splitlines()) == 4


def test_a_server_that_is_not_there_is_said_without_its_password():
    store = "http://me:secret@there"
    with pytest.raises(StoreError) as failure, reaching(store):
        raise requests.ConnectionError(f"no answer from {store}\nand more")
    assert str(failure.value) == (
        "MLflow at http://...@there cannot be reached (no answer from http://...@there): "
        "start it, or set MLFLOW_TRACKING_URI to another"
    )
    assert failure.value.__suppress_context__, "a traceback would show it"


@pytest.mark.parametrize("error", [requests.ConnectionError(), ValueError("\n"), sqlite3.DatabaseError("")])
@pytest.mark.parametrize("store", ["http://there", "sqlite:////there.db"])
def test_an_error_without_a_text_is_said_by_its_name(store: str, error: Exception):
    with pytest.raises(StoreError, match=type(error).__name__), reaching(store):
        raise error


def test_a_long_text_is_cut(tmp_path: Path):
    with pytest.raises(StoreError) as failure, reaching("http://there"):
        raise ValueError("word " * 1000)
    assert len(str(failure.value)) < 400
