"""The environment variables and log levels that keep MLflow quiet, discreet, and brief where it cannot be reached."""

import logging
import os

from epitoma.files.uris import has_credentials

_QUIET_AND_BRIEF = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    # What goes wrong comes to us as an exception; MLflow would print the traceback too.
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


def prepare_environment() -> None:
    """Set what MLflow reads, part of it while it is imported; what a person has set stays.

    MLflow has no arguments for these. It is called when the package is imported, since MLflow must not be imported
    before, and again for each run, since ``MLFLOW_TRACKING_URI`` may be set in between.
    """
    for name, value in _QUIET_AND_BRIEF.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    if has_credentials(os.environ.get("MLFLOW_TRACKING_URI", "")):
        # MLflow would print where the run can be seen, password and all.
        os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
