"""Names that are not UTF-8 are known, and shown with escapes."""

import os

import pytest

from epitoma.core.names import escaped, is_text


@pytest.mark.parametrize("name", ["a.mp4", "café 茶.mp4", "a\\xe9", ""])
def test_text_stays_as_it_is(name):
    assert is_text(name)
    assert escaped(name) == name


def test_other_bytes_are_shown_as_escapes():
    name = os.fsdecode(b"v/caf\xe9 \xc3\xa9.mp4")
    assert not is_text(name)
    assert escaped(name) == "v/caf\\xe9 é.mp4"


def test_half_a_pair_of_surrogates_is_no_byte_and_is_shown_too():
    assert escaped("a\ud800b") == "a\\ud800b"
