"""What a killed process leaves behind is whole: files are written by the functions that see to it, and by no others."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(file for folder in ("epitoma", "ray_jobs") for file in (ROOT / folder).rglob("*.py"))
ASIDE = ("aside", "content")
"""Names of what `renamed_when_whole` and `folder_when_whole` give, and of buffers in memory."""

WRITERS = {
    *("write_text", "write_bytes", "write_table", "write_csv", "savefig", "save_file", "imsave", "imwrite"),
    *("to_csv", "to_json", "to_parquet", "dump", "tofile", "savez", "copyfile", "copytree", "copy2"),
}
BY_LINES = {
    "epitoma/tracking/journal.py": "lines are added to its end, and a torn last line is cut off",
    "epitoma/training/audit.py": "lines are added to its end",
    "epitoma/on_ray/cluster/runtime.py": "logs, which no step reads",
}
"""Files that write otherwise, and why they may."""


def direct_writes(source: str) -> Iterator[str]:
    """Calls that write a file under its own name."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and _writes(call) and not _is_aside(call):
            yield ast.unparse(call)


def _writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("open", "fdopen"):
        modes = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
        texts = [
            mode.value for mode in modes if isinstance(mode, ast.Constant) and isinstance(mode.value, str)
        ]
        return any(set(text) <= set("rwaxbt+") and set(text) & set("wax+") for text in texts)
    # As a plain name `write_text` is the function of `atomic.py`.
    return isinstance(call.func, ast.Attribute) and name in WRITERS


def _is_aside(call: ast.Call) -> bool:
    """Whether it writes to what `renamed_when_whole` and `folder_when_whole` give."""
    values = [*call.args, *([call.func.value] if isinstance(call.func, ast.Attribute) else [])]
    return any(getattr(node, "id", "") in ASIDE for value in values for node in ast.walk(value))


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('x')",
        "figure.savefig(path)",
        "path.open('w')",
        "open(path, mode='ab')",
        "json.dump(x, f)",
    ],
)
def test_the_rule_would_notice_a_breach(line):
    assert list(direct_writes(line))


@pytest.mark.parametrize(
    "line", ["aside.write_text('x')", "path.open('rb')", "write_text(path, 'x')", "open(p)"]
)
def test_the_rule_lets_through_what_is_whole(line):
    assert not list(direct_writes(line))


def test_files_are_written_whole_or_not_at_all():
    found = {str(file.relative_to(ROOT)): list(direct_writes(file.read_text())) for file in FILES}
    assert {file: calls for file, calls in found.items() if calls and file not in BY_LINES} == {}
    assert set(BY_LINES) <= {file for file, calls in found.items() if calls}
