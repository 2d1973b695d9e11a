import pytest

from epitoma.core.errors import first_line, last_line


@pytest.mark.parametrize(
    ("error", "first", "last"),
    [
        (ValueError("one\ntwo"), "one", "two"),
        (ValueError(), "ValueError", "ValueError"),
        (OSError(" \n"), "OSError", "OSError"),
    ],
)
def test_an_error_has_a_line_whatever_its_text(error: Exception, first: str, last: str):
    assert (first_line(error), last_line(error)) == (first, last)
