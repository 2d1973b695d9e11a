"""Errors of the operating system: each one line with what heals it, and told apart by whether it may be tried again."""

import errno
import os

import pytest

from epitoma.core.errors import BAD_INPUT, TRY_AGAIN
from epitoma.core.system_errors import MAY_HEAL, REMEDIES, exit_code_of, line_of


def error_of(number: int, *files: str) -> OSError:
    return OSError(number, os.strerror(number), *files)


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_number_is_one_line_that_names_the_file(number):
    line = line_of(error_of(number, "runs/x"))
    assert "runs/x" in line
    assert os.strerror(number) in line
    assert "\n" not in line
    assert REMEDIES.get(number, "") in line


@pytest.mark.parametrize(
    ("number", "code", "remedy"),
    [
        (errno.ENOSPC, TRY_AGAIN, "make room and run the job again"),
        (errno.EDQUOT, TRY_AGAIN, "make room and run the job again"),
        (errno.EIO, TRY_AGAIN, "the disk or the network storage fails"),
        (errno.ESTALE, TRY_AGAIN, "the network storage was changed or mounted anew"),
        (errno.ECONNREFUSED, TRY_AGAIN, ""),
        (errno.EROFS, BAD_INPUT, "choose another folder"),
        (errno.EACCES, BAD_INPUT, "choose another folder"),
        (errno.ENAMETOOLONG, BAD_INPUT, "choose a shorter name"),
        (errno.ELOOP, BAD_INPUT, "a link leads back to itself"),
        (errno.EMFILE, BAD_INPUT, "ulimit -n"),
        (errno.ENOENT, BAD_INPUT, ""),
        (errno.ENOTDIR, BAD_INPUT, ""),
    ],
)
def test_what_may_be_tried_again_and_what_must_be_changed(number, code, remedy):
    error = error_of(number, "x")
    assert exit_code_of(error) == code
    assert remedy in line_of(error)


def test_an_error_without_a_number_or_a_file_is_told_in_its_own_words():
    assert line_of(OSError("odd")) == "odd"
    assert line_of(TimeoutError()) == "TimeoutError"
    assert line_of(OSError(errno.EXDEV, "Invalid cross-device link", "a", None, "b")) == (
        "a to b: Invalid cross-device link"
    )
    assert line_of(error_of(errno.ENOSPC)).startswith("no room for a file (No space left on device)")
    assert exit_code_of(ConnectionError("the head hung up")) == TRY_AGAIN


def test_what_heals_has_a_number_of_this_system():
    assert set(errno.errorcode) >= MAY_HEAL
