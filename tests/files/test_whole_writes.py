"""What a killed process leaves behind is whole: tables are written by the one function that sees to it."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted(file for folder in ("epitoma", "ray_jobs") for file in (ROOT / folder).rglob("*.py"))
HOME = ROOT / "epitoma" / "files" / "parquet.py"


def writes_a_table(source: str) -> bool:
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return any(isinstance(call, ast.Attribute) and call.attr == "write_table" for call in calls)


def test_tables_are_written_whole_or_not_at_all():
    assert writes_a_table(HOME.read_text()), "the rule would notice a breach"
    assert [
        str(file.relative_to(ROOT)) for file in FILES if file != HOME and writes_a_table(file.read_text())
    ] == []
