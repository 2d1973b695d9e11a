"""What is not there is told from what cannot be asked: nothing asks or lists but epitoma/files/presence.py."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = sorted(
    file.relative_to(ROOT)
    for folder in ("epitoma", "ray_jobs", "tune_spaces")
    for file in (ROOT / folder).rglob("*.py")
)
ASKING = {"exists", "isfile", "isdir", "is_file", "is_dir", "glob", "rglob", "iglob"}
"""What says False, or finds nothing, where storage fails; some of it does so from Python 3.13 or 3.14 on."""

HARMLESS = {
    # Copying Ray's logs, which may fail.
    ("epitoma/on_ray/cluster/runtime.py", "is_file"),
    ("epitoma/on_ray/cluster/runtime.py", "glob"),
    # The files of an installed package.
    ("epitoma/models/weights.py", "rglob"),
    # A person's pattern; what it names is opened, unless it is a folder.
    ("epitoma/datasets/unlabelled.py", "iglob"),
    ("epitoma/datasets/unlabelled.py", "isdir"),
}


def asking(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ASKING:
            yield node.attr


def test_failing_storage_is_nowhere_taken_for_absence():
    found = {(str(file), name) for file in FILES for name in asking((ROOT / file).read_text())}
    assert found == HARMLESS, "ask epitoma.files.presence instead"


def test_the_rule_would_notice_a_breach():
    assert list(asking("import os\nif os.path.isfile(path) or Path(path).exists(): pass")) == [
        "isfile",
        "exists",
    ]
    assert list(asking("from epitoma.files.presence import is_file\nis_file(path)")) == []
