"""Servers that are not there, or do not let us in, are said in one line."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import requests
from mlflow import MlflowException

from epitoma.core.errors import TrackingError
from epitoma.tracking.lifecycle import open_tracker
from epitoma.tracking.reaching import reaching


class Refusing(BaseHTTPRequestHandler):
    """Answers every request with the server's status."""

    def do_GET(self) -> None:
        self.send_error(self.server.status)

    do_POST = do_GET

    def log_message(self, *words: object) -> None:
        pass


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_does_not_let_us_in_is_said_in_one_line(tmp_path, monkeypatch, status):
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as refusing:
        refusing.status = status
        Thread(target=refusing.serve_forever, daemon=True).start()
        uri = f"http://127.0.0.1:{refusing.server_port}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises(TrackingError, match="MLFLOW_TRACKING_USERNAME") as refusal:
            open_tracker(tmp_path / "runs" / "one")
        refusing.shutdown()
    assert uri in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_server_that_is_not_there_is_said_without_its_password():
    store = "http://me:secret@there"
    remedy = "start it, or leave MLFLOW_TRACKING_URI unset"
    with pytest.raises(TrackingError, match=remedy) as refusal, reaching(store):
        raise requests.ConnectionError(f"no answer from {store}\nand more")
    assert "MLflow at http://...@there cannot be reached (no answer from http://...@there)" in str(
        refusal.value
    )
    assert refusal.value.__suppress_context__, "a traceback would show it"


def test_what_the_store_finds_wrong_is_a_mistake_of_ours_and_passes():
    with pytest.raises(MlflowException, match="no such step"), reaching("http://there"):
        raise MlflowException.invalid_parameter_value("no such step")
