"""Records of benchmarks say what was measured, and where."""

import re
from dataclasses import dataclass
from datetime import date

from benchmarks.record import write_record
from epitoma.files.json_files import read_json


@dataclass(frozen=True)
class Row:
    model: str
    mean: float


def test_a_record_holds_its_rows_with_commit_date_and_machine(tmp_path):
    write_record(tmp_path / "new" / "r.json", [Row("a", 0.5), Row("b", 0.25)])
    kept = read_json(tmp_path / "new" / "r.json")
    assert kept["rows"] == [{"model": "a", "mean": 0.5}, {"model": "b", "mean": 0.25}]
    assert re.fullmatch(r"[0-9a-f]{7,40}(-dirty)?|unknown", kept["commit"])
    assert date.fromisoformat(kept["date"]) <= date.today()
    assert "torch" in kept["machine"]
    write_record(None, [Row("a", 0.5)])
