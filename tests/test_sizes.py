"""Files and functions stay short enough to be read at a sitting."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
FILES = sorted(file for folder in ("epitoma", "ray_jobs") for file in (ROOT / folder).rglob("*.py"))
MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_FUNCTION, MEDIAN_OF_FUNCTIONS = 300, 45, 10


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Names of functions and methods, and how many lines they have."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_no_file_is_too_long():
    lines = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in FILES}
    assert {file: count for file, count in lines.items() if count > MOST_LINES_OF_A_FILE} == {}


def test_no_function_is_too_long_and_most_are_short():
    counts = [(file.stem, *each) for file in FILES for each in functions(file.read_text())]
    assert [each for each in counts if each[-1] > MOST_LINES_OF_A_FUNCTION] == []
    assert median(lines for *_, lines in counts) <= MEDIAN_OF_FUNCTIONS


def test_lines_are_counted_from_the_signature_to_the_end():
    assert list(functions("def one():\n    pass\n\n\nclass A:\n    def two(self):\n        return 1\n")) == [
        ("one", 2),
        ("two", 2),
    ]
