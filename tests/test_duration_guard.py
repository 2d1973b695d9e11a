"""A test that takes too long fails the suite, with its name; fixtures that are shared, and marked tests, do not."""

import pytest

pytest_plugins = ["pytester"]

SUITE = """
import time
import pytest

@pytest.fixture(scope="module")
def shared():
    time.sleep(0.6)

@pytest.fixture
def own():
    time.sleep(0.6)

def test_short(shared): pass
def test_long(): time.sleep(0.6)
def test_long_in_a_fixture(own): pass
@pytest.mark.long
def test_marked(): time.sleep(0.6)
def test_that_fails_anyway():
    time.sleep(0.6)
    assert False, "its own reason"
"""


def test_only_unmarked_tests_that_took_too_long_themselves_fail(pytester: pytest.Pytester):
    pytester.makepyfile(SUITE)
    pytester.makeini("[pytest]\nmost_test_seconds = 0.5\nmarkers = long: may take longer\n")
    result = pytester.runpytest_inprocess("-p", "tests.duration_guard", "-p", "no:cacheprovider")
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], outcomes["failed"], outcomes["errors"]) == (2, 2, 1)
    result.stdout.fnmatch_lines_random(
        [
            "*::test_long took * s in its call, and a test may take 0.5 s: make it cheaper*",
            "*::test_long_in_a_fixture took * s in its setup, and*",
            "*its own reason*",
        ]
    )
