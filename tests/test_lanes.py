"""What `make test` makes of its lanes: every outcome counts, and nothing that goes wrong in one is lost."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from tests.lanes import Lane, Outcome, lanes, outcome, run, summary

SUITE = """
import pytest

def test_good(): pass
def test_bad(): assert False
@pytest.mark.skip
def test_left_out(): pass
@pytest.fixture
def broken(): raise ValueError
def test_without_its_fixture(broken): pass
"""


def told(*outcomes: Outcome, may_be_empty: bool = False) -> tuple[list[str], int]:
    return summary(
        [(Lane(f"lane {number}", ""), each) for number, each in enumerate(outcomes)],
        7.4,
        may_be_empty=may_be_empty,
    )


def test_a_report_is_read_as_pytest_wrote_it(tmp_path: Path):
    (tmp_path / "test_some.py").write_text(SUITE)
    report = tmp_path / "report.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        f"--rootdir={tmp_path}",
        f"--junitxml={report}",
        tmp_path,
    ]
    code = subprocess.run(command, capture_output=True, cwd=tmp_path, check=False).returncode
    found = outcome(code, report)
    assert (found.code, found.passed, found.skipped) == (1, 1, 1)
    assert found.failed == ["test_some.py::test_bad", "test_some.py::test_without_its_fixture"]
    assert len(found.seconds) == 4
    lines, code = told(found)
    assert code == 1
    assert "FAILED test_some.py::test_bad" in lines
    assert lines[-1] == "1 passed, 2 failed, 1 skipped"


def test_all_is_well_where_every_lane_is(tmp_path: Path):
    lines, code = told(Outcome(code=0, passed=3), Outcome(code=0, passed=2, skipped=1))
    assert (lines[-2:], code) == (["7 s", "5 passed, 0 failed, 1 skipped"], 0)


def test_a_lane_that_ended_early_has_failed(tmp_path: Path):
    """As one does that is killed, or whose tests cannot be imported: it leaves no report."""
    early = outcome(-9, tmp_path / "none.xml")
    lines, code = told(Outcome(code=0, passed=3), early)
    assert code == 1
    assert lines[-1] == "3 passed, 1 failed, 0 skipped"
    assert any(line.startswith("FAILED lane lane 1: pytest ended early (exit code -9)") for line in lines)


@pytest.mark.parametrize(
    ("codes", "chosen", "expected"), [((0, 5), True, 0), ((5, 5), True, 1), ((0, 5), False, 1)]
)
def test_a_lane_without_a_test_has_failed_unless_some_were_chosen(codes, chosen, expected):
    outcomes = [Outcome(code=code) for code in codes]
    assert told(*outcomes, may_be_empty=chosen)[1] == expected


def test_a_lane_prints_what_its_pytest_prints_and_hands_on_what_it_is_given(tmp_path: Path):
    (tmp_path / "test_some.py").write_text(SUITE)
    out, own = StringIO(), ("-p", "no:cacheprovider")
    found = run(Lane("some", "not slow", own), ["-k", "good or left"], tmp_path, out, root=tmp_path)
    assert (found.code, found.passed, found.skipped) == (0, 1, 1), out.getvalue()
    assert all(line.startswith("[some] ") for line in out.getvalue().splitlines())


def test_every_test_is_in_one_lane():
    """Of the markers that part them, each combination is chosen once, but for slow tests, which are chosen by none."""
    chosen = [lane.tests for column in lanes(2) for lane in column]
    nothing = dict.fromkeys(("ray", "jobs", "heads", "slow"), False)
    for needs in ({}, {"ray": True}, {"jobs": True}, {"heads": True}):
        assert sum(eval(tests, {}, {**nothing, **needs}) for tests in chosen) == 1
        assert sum(eval(tests, {}, {**nothing, **needs, "slow": True}) for tests in chosen) == 0
