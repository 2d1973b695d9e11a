"""What a phase says where there is no terminal, as in the log of a job on a cluster."""

import io
import os
import re
import time

import pytest
from rich.console import Console

from epitoma.reporting import console
from epitoma.reporting.console import ProgressLog, complain, phase, say, time_left
from epitoma.reporting.tables import TrialRow, sweep_table

SECONDS = 0.05


class Clock:
    """Seconds that pass when they are told to, whatever else the machine is doing."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(console, "time", made)
    monkeypatch.setattr(console, "LOG_SECONDS", SECONDS)
    return made


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_long_phase_says_now_and_then_how_far_it_is(capsys, clock):
    with phase("train x from pixels", unit="steps") as advance:
        for step in (40, 80, 120):
            advance(step, 4000, "")
            clock.sleep(1.1 * SECONDS)
    *told, closing = lines(capsys)
    assert len(told) == 2
    form = r"  train x from pixels: (80|120) of 4000 steps, ([\d.]+) steps/s, (\d+) (s|min) left"
    first, second = (re.fullmatch(form, line) for line in told)
    assert (first[1], second[1]) == ("80", "120")
    assert 0 < float(second[2]) <= 40 / SECONDS
    assert int(second[3]) >= (4000 - 120) / (40 / SECONDS) - 1
    assert closing.startswith("  train x from pixels ")


def test_many_advances_make_no_more_lines_than_time_allows(capsys, clock):
    started = clock.perf_counter()
    with phase("extract") as advance:
        for done in range(1000):
            advance(done, 1000)
            clock.sleep(SECONDS / 500)
    allowed = (clock.perf_counter() - started) / SECONDS
    assert 1 <= len(lines(capsys)) - 1 <= allowed


def test_what_an_earlier_try_did_counts_for_no_speed(capsys, clock):
    log = ProgressLog("train x", "steps")
    log.advance(3000, 4000)
    clock.sleep(1.1 * SECONDS)
    log.advance(3000, 4000)
    clock.sleep(1.1 * SECONDS)
    log.advance(3001, 4000)
    still, moved = lines(capsys)
    assert still == "  train x: 3000 of 4000 steps"
    assert 0 < float(re.search(r"([\d.]+) steps/s", moved)[1]) < 1 / SECONDS


def test_steps_done_anew_after_a_workers_death_count_from_there(capsys, clock):
    log = ProgressLog("train x", "steps")
    log.advance(500, 1000)
    log.advance(400, 1000)
    clock.sleep(1.1 * SECONDS)
    log.advance(410, 1000)
    (line,) = lines(capsys)
    assert 0 < float(re.search(r"([\d.]+) steps/s", line)[1]) <= 10 / SECONDS


def test_a_note_and_an_unknown_total_are_told_as_they_are(capsys, clock):
    log = ProgressLog("list", "videos")
    log.advance(0, None)
    clock.sleep(1.1 * SECONDS)
    log.advance(7, None, "loss 0.3")
    (line,) = lines(capsys)
    assert re.fullmatch(r"  list: 7 videos, [\d.]+ videos/s \(loss 0\.3\)", line)


def test_a_short_phase_has_its_closing_line_only(capsys, monkeypatch):
    monkeypatch.setattr(console, "LOG_SECONDS", 30.0)
    with phase("extract") as advance:
        advance(1, 2)
        advance(2, 2)
    assert len(lines(capsys)) == 1


def test_nothing_is_logged_on_a_terminal(monkeypatch, capsys, clock):
    monkeypatch.setattr(console, "console", Console(force_terminal=True))
    log = ProgressLog("extract", "videos")
    clock.sleep(1.1 * SECONDS)
    log.advance(1, 2)
    assert lines(capsys) == []


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_time_left_is_told_in_a_unit_that_reads_well(seconds, told):
    assert time_left(seconds) == told


ODD = ["[a]", "[/red]", "[bold]x", ":cat:", "\\[x]", "$1_vs_$2_"]


@pytest.mark.parametrize("name", ODD)
def test_names_are_no_mark_up(name, capsys):
    say(name)
    complain(name)
    with phase(f"train {name}"):
        pass
    console.console.print(sweep_table([TrialRow(trial=name, state=name)], title=name, score_name=name))
    said, complained = capsys.readouterr()
    assert complained == f"{name}\n"
    first, closing, *table = said.splitlines()
    assert first == name
    assert closing.startswith(f"  train {name} ")
    assert " ".join(table).count(name) == 4


@pytest.mark.parametrize("name", ODD)
def test_names_are_no_mark_up_on_a_terminal(name, monkeypatch):
    shown = io.StringIO()
    terminal = Console(**console._PLAIN, file=shown, force_terminal=True, width=200, color_system=None)
    monkeypatch.setattr(console, "console", terminal)
    with phase(f"train {name}") as advance:
        advance(1, 2, name)
        time.sleep(0.2)
    assert f"train {name} " in shown.getvalue()


def test_bytes_that_are_not_utf_8_are_shown_as_escapes(capsys):
    say(os.fsdecode(b"caf\xe9.mp4"))
    assert capsys.readouterr().out == "caf\\xe9.mp4\n"
