"""How jobs end: exit codes of errors by what the person can do, bugs with their traceback."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from epitoma.core.errors import (
    ClusterError,
    ClusterRefusedError,
    ConfigError,
    RunError,
    StorageError,
    TrackingError,
)
from ray_jobs.parts.clear_line import ending_of, one_clear_line, one_line

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("no such option"), 2, "error: no such option"),
        (RunError(""), 2, "error: RunError"),
        (ClusterRefusedError("it wants its token"), 2, "error: it wants its token"),
        (ClusterError("the head is gone"), 75, "error: the head is gone"),
        (TrackingError("MLflow cannot be reached"), 75, "error: MLflow cannot be reached"),
        (StorageError("no room"), 75, "error: no room"),
        (OSError(errno.EXDEV, "Invalid link", "a\nb"), 2, "error: a b: Invalid link"),
        (OSError(errno.EIO, "Input/output error", "x"), 75, "error: x: Input/output error: the disk or"),
        (ConnectionResetError("the head hung up"), 75, "error: the head hung up"),
        (FileNotFoundError(2, "No such file", os.fsdecode(b"caf\xe9")), 2, "error: caf\\xe9: No such file"),
        (
            UnicodeEncodeError("utf-8", os.fsdecode(b"v/caf\xe9"), 5, 6, "surrogates not allowed"),
            2,
            "error: a name is not UTF-8: v/caf\\xe9: rename",
        ),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_errors_that_are_no_bugs_have_a_code_and_a_line(error, code, line):
    ending = ending_of(error)
    assert ending is not None
    assert ending.code == code
    assert ending.line.startswith(line)
    assert "\n" not in ending.line


@pytest.mark.parametrize(
    "error",
    [TypeError("x"), AssertionError(), UnicodeEncodeError("ascii", "é", 0, 1, "no"), SystemExit(3)],
)
def test_bugs_and_exits_pass_as_they_are(error):
    assert ending_of(error) is None
    with pytest.raises(type(error)) as passed, one_clear_line():
        raise error
    assert passed.value is error


def test_debugging_shows_the_traceback_before_the_line(monkeypatch, capsys):
    for value, lines in (("1", True), ("0", False), ("", False)):
        monkeypatch.setenv("EPITOMA_DEBUG", value)
        with pytest.raises(SystemExit), one_clear_line():
            raise ConfigError("no")
        complained = capsys.readouterr().err
        assert complained.endswith("error: no\n")
        assert complained.startswith("Traceback") == lines


def test_one_line_is_without_boxes_and_help():
    assert one_line("╭─ Parsing error ─╮\n│ no such option │\n╰────╯") == "Parsing error no such option"
    assert one_line("missing --name Argument helptext of it") == "missing --name"


def test_what_stops_an_import_is_one_line_too(tmp_path):
    """As a folder for matplotlib's cache that is nowhere: that is found while a job is imported."""
    (tmp_path / "ray.py").write_text("open('/dev/full/x')")
    done = subprocess.run(
        [sys.executable, "-m", "ray_jobs.train", "--manifest", "m", "--name", "x"],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}"),
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "error: /dev/full/x: Not a directory\n")
