"""What MLflow reads is set before it is imported, and what a person has set stays."""

import os
import subprocess
import sys

import pytest

from epitoma.tracking.environment import prepare_environment

SUPPRESS = "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"


def test_the_package_sets_it_without_mlflow():
    code = (
        "import os, sys, epitoma.tracking; print('mlflow' in sys.modules, os.environ['MLFLOW_LOGGING_LEVEL'])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.split() == ["False", "CRITICAL"]


def test_what_a_person_has_set_stays(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "99")
    prepare_environment()
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "99"


@pytest.mark.parametrize(
    ("store", "value"), [("http://me:secret@there", "true"), ("http://there", "unset"), ("", "unset")]
)
def test_addresses_of_runs_are_not_printed_where_they_hold_a_password(monkeypatch, store, value):
    monkeypatch.setenv(SUPPRESS, "unset")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    prepare_environment()
    assert os.environ[SUPPRESS] == value
