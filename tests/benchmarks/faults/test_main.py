"""The command that breaks running jobs: which faults it meets, and what it records of each."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.faults.__main__ import FAULTS, FaultsConfig, run
from benchmarks.faults.outcome import Outcome
from epitoma.core.errors import ConfigError
from epitoma.files.json_files import read_json


@pytest.fixture
def faults(monkeypatch) -> list[str]:
    """Faults that do nothing, on no bench; returns names of those that were met."""
    met = []

    def of(name: str):
        def fault(bench: None) -> Outcome:
            met.append(name)
            return outcome(name)

        return fault

    monkeypatch.setattr("benchmarks.faults.__main__.make_bench", lambda: None)
    for name in FAULTS:
        monkeypatch.setitem(FAULTS, name, of(name))
    return met


def outcome(fault: str) -> Outcome:
    return Outcome(
        fault=fault,
        survived=True,
        resumed_by_hand=False,
        recovery_seconds=2.5,
        videos_lost=0,
        videos_repeated=0,
        same_loss_curve=True,
        half_written=0,
        said="",
    )


def ended(config: FaultsConfig) -> int | str | None:
    """Exit code of the command."""
    with pytest.raises(SystemExit) as stop:
        run(config)
    return stop.value.code


def test_all_faults_are_met_unless_some_are_asked_for(faults: list[str]):
    assert ended(FaultsConfig()) == 0
    assert faults == list(FAULTS)
    faults.clear()
    assert ended(FaultsConfig(only=("video_kills_decoder", "head_killed"))) == 0
    assert faults == ["video_kills_decoder", "head_killed"]


def test_each_fault_is_a_row_of_the_record_and_of_the_table(faults: list[str], tmp_path: Path, capsys):
    ended(FaultsConfig(only=("head_killed", "mlflow_down"), json=tmp_path / "new" / "faults.json"))
    record = read_json(tmp_path / "new" / "faults.json")
    assert record["rows"] == [vars(outcome("head_killed")), vars(outcome("mlflow_down"))]
    assert {"commit", "date", "machine"} < set(record)
    assert "| head_killed | yes | no | 2.5 | 0 | 0 | yes | 0 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes",
    [{"survived": False}, {"same_loss_curve": False}]
    + [{name: 1} for name in ("videos_lost", "videos_repeated", "half_written")],
)
def test_a_fault_that_leaves_something_behind_fails_the_command(
    faults: list[str], monkeypatch, capsys, changes: dict[str, object]
):
    monkeypatch.setitem(FAULTS, "head_killed", lambda bench: replace(outcome("head_killed"), **changes))
    assert ended(FaultsConfig(only=("mlflow_down", "head_killed"))) == 1
    assert capsys.readouterr().out.endswith("1 of 2 as wanted\n")


def test_an_unknown_fault_is_refused_before_anything_is_made(faults: list[str]):
    with pytest.raises(ConfigError, match="no fault earthquake: there are decode_worker_killed, "):
        run(FaultsConfig(only=("head_killed", "earthquake")))
    assert faults == []
