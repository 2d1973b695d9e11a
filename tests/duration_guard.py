"""A test that takes long fails, with its name: the suite stays short by every test staying short.

What is shared, such as a Ray or a trained run, is no one test's doing: fixtures of a wider scope do not count. A test
that needs a whole job, or several processes of a cluster, says so by the marker ``long``.
"""

import time
from collections.abc import Generator
from typing import Any

import pytest

OPTION = "most_test_seconds"
EXEMPT = ("slow", "long")
SHARED_SECONDS = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the limit to the configuration."""
    parser.addini(OPTION, "seconds that a test without a marker for long ones may take", default="20")


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Note what a test waits for that others share."""
    started = time.monotonic()
    try:
        return (yield)
    finally:
        if fixturedef.scope != "function":
            stash = request._pyfuncitem.stash
            stash[SHARED_SECONDS] = stash.get(SHARED_SECONDS, 0.0) + time.monotonic() - started


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that took too long."""
    report = yield
    limit = float(item.config.getini(OPTION))
    shared_seconds = item.stash.get(SHARED_SECONDS, 0.0) if report.when == "setup" else 0.0
    report_seconds = report.duration - shared_seconds
    # The end of the last test of a session is the end of all that is shared.
    is_exempt = report.when == "teardown" or any(item.get_closest_marker(name) for name in EXEMPT)
    if report.passed and not is_exempt and report_seconds > limit:
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} took {report_seconds:.0f} s in its {report.when}, and a test may take {limit:g} s: make it "
            f"cheaper, share what it makes, or mark it ({', '.join(EXEMPT)})"
        )
    return report
