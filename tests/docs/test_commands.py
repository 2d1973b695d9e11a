"""Every command that the documentation gives is run, page by page and in order, on tiny data."""

import builtins
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from epitoma.datasets.manifest import Manifest
from ray_jobs.cli import COMMANDS, main
from ray_jobs.parts.options import Preset, parse
from tests.docs.made_world import make_world, shrunk

REPOSITORY = Path(__file__).parents[2]
PAGES = ["README.md", *sorted(f"docs/{file.name}" for file in (REPOSITORY / "docs").glob("*.md"))]

OF_ITS_OWN = "docs/extending.md"
"""Page whose plugin must be there before Ray is: test_extending.py runs it."""

NOT_A_JOB = {
    "make": "targets of the Makefile: CI runs test and lint, and a person the others",
    "export": "sets a variable of the person's shell",
}
"""Lines of blocks of commands that are no command of ours, and why they are not run here."""

STANDS_FOR = {
    "DATA": "data/manifest.parquet",
    "DIR": "clips",
    "CLASS": "nothing",
    "runs/demo/dataset/manifest.parquet": "data/manifest.parquet",
    "runs/demo/selector": "runs/first",
    "runs/demo/features": "runs/features",
}
"""What a person puts in the place of a word, or has from `make demo`."""

STARTS_FROM = {
    "docs/budget.md": ("data", "first"),
    "docs/predicting.md": ("data", "first"),
    "docs/sweeps.md": ("data", "first"),
    "docs/training.md": ("data",),
    "README.md": (),
}
"""What a page takes to be there already."""

MADE_BY = {
    "data": "prepare folder --root my_videos --output data",
    "first": "train --manifest data/manifest.parquet --name first --timesteps 8",
}

SPACE = "from ray import tune\nSPACE = {'sparsity.target_timesteps': tune.grid_search([1, 2])}\n"


def fenced(page: str) -> list[tuple[str, str]]:
    """Language and text of every block of code of a page."""
    text = (REPOSITORY / page).read_text()
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def blocks(page: str, language: str) -> list[str]:
    """Blocks of a language."""
    return [text for name, text in fenced(page) if name == language]


def commands(page: str) -> list[list[str]]:
    """Arguments of ``epitoma``, for every command of a page."""
    lines = [line for block in blocks(page, "sh") for line in block.replace("\\\n", " ").splitlines()]
    split = [shlex.split(line) for line in lines if line.strip()]
    assert all(words[0] == "epitoma" or words[0] in NOT_A_JOB for words in split), split
    return [words[1:] for words in split if words[0] == "epitoma"]


def typed_in_python(page: str) -> list[str]:
    """Blocks of Python of a page, but for a sweep's space, which is a file of its own."""
    return [block for block in blocks(page, "python") if "SPACE =" not in block]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_stands_where_it_is_run(page: str):
    """Blocks of another kind hold none, so that none is left out."""
    command = re.compile(rf"^(epitoma |\S*python -m ray_jobs\.)({'|'.join(COMMANDS)}) ", re.MULTILINE)
    assert not [text for name, text in fenced(page) if name != "sh" and command.search(text)]


@pytest.mark.parametrize("page", [page for page in PAGES if page != OF_ITS_OWN and blocks(page, "sh")])
def test_the_commands_of_a_page_have_only_options_that_there_are(page: str, monkeypatch: pytest.MonkeyPatch):
    """They are parsed; on tiny data they run among the slow tests."""
    parsed = []

    def parse_only(config_type: Any, job: Any, *, about: str | None, preset: Preset | None = None) -> None:
        parsed.append(parse(config_type, sys.argv[1:], about=about, preset=preset))

    for command in COMMANDS.values():
        monkeypatch.setattr(import_module(f"ray_jobs.{command.job}"), "run_job", parse_only)
    asked = [words for words in commands(page) if "--help" not in words]
    for arguments in asked:
        monkeypatch.setattr(sys, "argv", ["epitoma", *arguments])
        main()
    assert len(parsed) == len(asked)


@pytest.fixture(scope="module")
def world(dataset: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    make_world(folder, dataset)
    (folder / "space.py").write_text(SPACE)
    return folder


@pytest.fixture
def typed(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Type a command in a copy of the world; gives its exit code."""
    shutil.copytree(world, tmp_path / "world")
    monkeypatch.chdir(tmp_path / "world")
    handler = signal.getsignal(signal.SIGTERM)

    def run(arguments: list[str]) -> int:
        monkeypatch.setattr(sys, "argv", ["epitoma", *arguments])
        try:
            main()
        except SystemExit as stop:
            return stop.code
        return 0

    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", [page for page in PAGES if page != OF_ITS_OWN and blocks(page, "sh")])
def test_the_commands_of_a_page_run(ray_cluster, typed, page: str):
    for name in STARTS_FROM.get(page, ()):
        assert typed(shrunk(shlex.split(MADE_BY[name]))) == 0
    for arguments in commands(page):
        small = shrunk([STANDS_FOR.get(word, word) for word in arguments])
        assert typed(small) == 0, shlex.join(small)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if page != OF_ITS_OWN and typed_in_python(page)])
def test_the_python_of_a_page_runs(ray_cluster, typed, page: str):
    """All blocks of a page in order, as one would type them."""
    ours = typed_in_python(page)
    if any("runs/" in block for block in ours):
        for name in MADE_BY:
            assert typed(shrunk(shlex.split(MADE_BY[name]))) == 0
        shutil.copytree("runs/first", "runs/fine")
    names: dict = {"__builtins__": builtins}
    for block in ours:
        before = set(names)
        exec(compile(block, page, "exec"), names)
        assert set(names) > before
