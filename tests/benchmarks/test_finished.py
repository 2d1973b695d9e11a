"""Finished trainings are taken for what they are: of the same question, and of the same code."""

from dataclasses import dataclass

from benchmarks import finished as module
from benchmarks.finished import finished, once


@dataclass
class Row:
    """A row."""

    arm: str
    score: float


def test_trainings_of_other_code_are_not_taken_for_finished(tmp_path, monkeypatch):
    (tmp_path / "model.py").write_text("WIDTH = 1\n")
    monkeypatch.setattr(module, "CODE", (tmp_path,))
    before = finished(tmp_path, "set", 256)
    assert finished(tmp_path, "set", 256) == before != finished(tmp_path, "set", 128)
    (tmp_path / "model.py").write_text("WIDTH = 2\n")
    assert finished(tmp_path, "set", 256) != before


def test_a_training_is_done_once_and_its_rows_come_back_exactly(tmp_path):
    made = []

    def make() -> list[Row]:
        made.append(1)
        return [Row("all", 0.1 + 0.2)]

    file = tmp_path / "new" / "seed_0.json"
    assert once(file, Row, make) == once(file, Row, make) == [Row("all", 0.1 + 0.2)]
    assert made == [1]
