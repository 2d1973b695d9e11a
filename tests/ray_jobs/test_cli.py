"""The command that people type: it names the jobs, hands on what follows, and says in one line what is wrong."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ray_jobs.cli import COMMANDS, main, usage


@pytest.fixture
def epitoma(monkeypatch, capsys):
    """Type a command; gives its exit code, and what it said and complained."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["epitoma", *arguments])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run


def test_every_command_is_a_job_that_can_be_asked_for_help(epitoma):
    for name, command in COMMANDS.items():
        assert callable(import_module(f"ray_jobs.{command.job}").main)
        code, said, complained = epitoma(name, "--help")
        assert (code, complained) == (0, "")
        assert said.startswith(f"usage: epitoma {name}")


def test_help_names_every_command(epitoma):
    for arguments in ((), ("--help",), ("-h",)):
        code, said, complained = epitoma(*arguments)
        assert (code, said.strip(), complained) == (0, usage(), "")
    assert all(f"  {name} " in usage() for name in COMMANDS)


def test_bad_input_is_one_line(epitoma):
    code, said, complained = epitoma("dance")
    assert (code, said) == (2, "")
    assert complained.startswith("error: no command dance: it is one of demo, prepare")
    code, _, complained = epitoma("predict", "--model", "nothing", "--input", "a.mp4", "--output", "out")
    assert (code, complained) == (2, "error: no finished run at nothing (no model/model.safetensors in it)\n")
    code, _, complained = epitoma("explain", "--colour", "red")
    assert code == 2
    assert len(complained.strip().splitlines()) == 1


def test_it_is_installed_as_a_program(repository: Path):
    program = Path(sys.executable).with_name("epitoma")
    done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == usage()
