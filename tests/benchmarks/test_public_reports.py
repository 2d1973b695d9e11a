"""The runner of public reports: which cases are run, what is told of each, and that a failed one fails the command."""

from pathlib import Path

import pytest

from benchmarks.public_reports.__main__ import PublicReportsConfig, by_module, run
from benchmarks.public_reports.cases import CASES, Seen
from epitoma.core.errors import ConfigError
from epitoma.files.json_files import read_json


def well(folder: Path) -> Seen:
    assert list(folder.iterdir()) == []
    return Seen(ok=True, said="as it should be")


def wrong(folder: Path) -> Seen:
    return Seen(ok=False, said="not as it should be")


def broken(folder: Path) -> Seen:
    raise ValueError("nobody thought of this")


@pytest.fixture
def cases(monkeypatch) -> None:
    for case in (well, wrong, broken):
        monkeypatch.setitem(CASES, case.__name__, case)


def ended(config: PublicReportsConfig) -> int | str | None:
    with pytest.raises(SystemExit) as stop:
        run(config)
    return stop.value.code


@pytest.mark.usefixtures("cases")
def test_each_case_is_told_in_a_row_and_a_line(tmp_path: Path, capsys):
    file = tmp_path / "reports.json"
    assert ended(PublicReportsConfig(json=file, only=("well", "broken"))) == 1
    rows = [(row["case"], row["ok"], row["said"]) for row in read_json(file)["rows"]]
    assert rows == [
        ("well", True, "as it should be"),
        ("broken", False, "ValueError: nobody thought of this"),
    ]
    assert capsys.readouterr().out.endswith("1 of 2 ok\n")


@pytest.mark.usefixtures("cases")
def test_the_command_ends_well_only_if_every_case_does():
    assert ended(PublicReportsConfig(only=("well",))) == 0
    assert ended(PublicReportsConfig(only=("well", "wrong"))) == 1


def test_an_unknown_case_is_refused():
    with pytest.raises(ConfigError, match="no case earthquake: there are "):
        run(PublicReportsConfig(only=("earthquake",)))


def test_every_case_has_a_kind():
    kinds = by_module()
    assert sorted(name for names in kinds.values() for name in names) == sorted(CASES)
    assert all(kind.endswith(("\n", ".")) is False and len(kind) > 20 for kind in kinds)
