"""What people type becomes a config: options over defaults, which a file or a preset may give."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import tyro

from epitoma.core.errors import ConfigError, EpitomaError
from epitoma.presets import PRESETS
from ray_jobs.parts.options import parse


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run.

    Attributes:
        manifest: The dataset.
        name: Its name.
        epochs: How often.
        source: An option of the name that the line's own field has.
        sizes: Some numbers.
    """

    manifest: Path
    name: str
    epochs: int = 1
    source: str = "features"
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Copy:
    """Copy something,
    in two lines.

    Attributes:
        root: From where.
        seed: A number.
    """

    root: Path
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Move:
    """Move something.

    Attributes:
        root: From where.
    """

    root: Path


Both = Annotated[Copy, tyro.conf.subcommand("copy")] | Annotated[Move, tyro.conf.subcommand("move")]

PLAIN = Run(manifest=Path("m"), name="x")


def preset(name: str):
    if name != "long":
        raise ConfigError(f"there is no preset {name}")
    return lambda *, manifest, name: Run(manifest=manifest, name=name, epochs=100)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of config files, of which most are wrong."""
    monkeypatch.chdir(tmp_path)
    files = {
        "run.json": json.dumps({"manifest": "m", "name": "x", "epochs": 7}),
        "copy.json": json.dumps({"root": "a", "seed": 3}),
        "unknown.json": json.dumps({"manifest": "m", "name": "x", "epoch": 7}),
        "unfinished.json": json.dumps({"name": "x"}),
        "list.json": "[1]",
        "text.json": "{not",
        "bytes.json": "\x00",
        "--config": json.dumps({"manifest": "m", "name": "dashed"}),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)


def run(*arguments: str) -> Run:
    return parse(Run, arguments, about="Run.", preset=preset)


def shown(capsys: pytest.CaptureFixture[str], form, *arguments: str, **more) -> str:
    """What help says, in one line and without its boxes."""
    with pytest.raises(SystemExit) as stop:
        parse(form, arguments, about="About it.", **more)
    assert stop.value.code == 0
    said, complained = capsys.readouterr()
    assert complained == ""
    return " ".join(re.sub(r"[\u2500-\u257f]", " ", said).split())


@pytest.mark.parametrize("source", [["--config", "run.json"], ["--config=run.json"]])
@pytest.mark.parametrize("options", [[], ["--name", "y"], ["--name=y", "--sizes", "1", "2"]])
def test_a_file_gives_defaults_wherever_it_is_named(source, options):
    before, after = run(*source, *options), run(*options, *source)
    assert before == after
    assert (before.epochs, before.name) == (7, "y" if options else "x")
    assert before.sizes == ((1, 2) if "--sizes" in options else ())


@pytest.mark.parametrize("source", [["--preset", "long"], ["--preset=long"]])
def test_a_preset_gives_defaults_wherever_it_is_named(source):
    required = ["--manifest", "m", "--name", "x"]
    assert run(*source, *required) == run(*required, *source)
    assert run(*required, *source).epochs == 100
    assert run(*required, *source, "--epochs", "5").epochs == 5


def test_a_preset_leaves_dataset_and_name_to_the_person():
    for missing, given in (("--manifest", ["--name", "x"]), ("--name", ["--manifest", "m"])):
        with pytest.raises(ConfigError, match=f"Required options.*{missing}"):
            run("--preset", "long", *given)


def test_nothing_but_options():
    assert run("--manifest", "m", "--name", "x") == PLAIN
    assert run("--manifest", "m", "--name", "x", "--source", "pixels").source == "pixels"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--config"], "--config needs a file"),
        (["--config", "--name", "x"], "--config needs a file"),
        (["--config="], "--config needs a file"),
        (["--preset"], "--preset needs a name"),
        (["--preset="], "--preset needs a name"),
        (["--config", "run.json", "--config=list.json"], "--config is given 2 times (run.json, list.json)"),
        (["--preset=long", "--preset", "long"], "--preset is given 2 times (long, long): give it once"),
        (["--config", "run.json", "--preset", "long"], "--config and --preset both give a whole config"),
        (["--preset=long", "--config=run.json"], "--config and --preset both give a whole config"),
        (["--preset", "short"], "there is no preset short"),
        (["--config", "gone.json"], "no config file at gone.json"),
        (["--config", "."], "no config file at ."),
        (["--config=text.json"], "text.json is not JSON"),
        (["--config=bytes.json"], "bytes.json is not JSON"),
        (["--config=list.json"], "list.json holds no values by name"),
        (["--config=unknown.json"], 'unknown.json: can not match "epoch" to any data class field'),
        (
            ["--config=unfinished.json", "--manifest", "m"],
            'unfinished.json: missing value for field "manifest"',
        ),
        (["--config", "run.json", "--colour", "red"], "no such option: --colour red (see --help)"),
        (
            ["--configs=run.json", "--manifest=m", "--name=x"],
            "no such option: --configs=run.json (see --help)",
        ),
        (["--config", "run.json", "left"], "no such option: left (see --help)"),
        (["--name", "x", "--manifest", "m", "--", "--config", "run.json"], "no such option: --"),
        (["--config", "run.json", "--epochs", "many"], "invalid literal for int() with base 10: 'many'"),
    ],
)
def test_what_is_wrong_is_one_line(arguments, expected):
    with pytest.raises(EpitomaError) as wrong:
        run(*arguments)
    assert expected in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_a_value_may_be_the_text_of_the_option():
    assert run("--manifest", "m", "--name=--config") == Run(manifest=Path("m"), name="--config")
    assert run("--config=--config").name == "dashed"
    # Two words are two options, for tyro as for most others.
    with pytest.raises(ConfigError, match="--config needs a file"):
        run("--manifest", "m", "--name", "--config")


def test_a_job_without_presets_knows_no_such_option():
    with pytest.raises(ConfigError, match="no such option: --preset long"):
        parse(Run, ["--manifest", "m", "--name", "x", "--preset", "long"], about="")


@pytest.mark.parametrize(
    "arguments",
    [
        ["copy", "--config", "copy.json"],
        ["copy", "--config=copy.json"],
        ["--config", "copy.json", "copy"],
        ["copy", "--root", "a", "--config=copy.json"],
    ],
)
def test_a_file_is_of_the_subcommand_that_is_named(arguments):
    assert parse(Both, arguments, about="") == Copy(root=Path("a"), seed=3)
    assert parse(Both, [*arguments, "--seed", "4"], about="") == Copy(root=Path("a"), seed=4)
    assert parse(Both, ["move", "--root", "a"], about="") == Move(root=Path("a"))


def test_a_file_without_its_subcommand_is_refused():
    for arguments in (["--config", "copy.json"], ["--config=copy.json", "fly"]):
        with pytest.raises(ConfigError, match="--config needs one of copy, move before it"):
            parse(Both, arguments, about="")
    with pytest.raises(ConfigError, match=r"can not match .*seed"):
        parse(Both, ["move", "--config", "copy.json"], about="")


def test_help_lists_where_defaults_come_from(capsys):
    said = shown(capsys, Run, "--help", preset=preset)
    assert "About it." in said
    assert "--config FILE JSON file to take all defaults from, such as the ``config.json`` of a run." in said
    assert "--preset NAME Recipe to take all defaults from" in said
    assert f"(one of {', '.join(PRESETS)})" in said
    assert "repeatable" not in said.split("--manifest PATH")[0]
    assert "--source STR An option of the name" in said
    assert "--preset" not in shown(capsys, Run, "--help")


def test_help_of_every_subcommand_lists_it_and_the_list_says_what_each_does(capsys):
    for name in ("copy", "move"):
        assert "--config FILE JSON file" in shown(capsys, Both, name, "--help")
    said = shown(capsys, Both, "--help")
    assert re.search(r"copy +Copy something, in two lines\. . move +Move something\.$", said)


def test_help_shows_what_a_file_or_a_preset_gives(capsys):
    assert "How often. (default: 7)" in shown(capsys, Run, "--config", "run.json", "--help")
    assert "How often. (default: 7)" in shown(capsys, Run, "--help", "--config=run.json")
    said = shown(capsys, Run, "--help", "--preset", "long", preset=preset)
    assert "How often. (default: 100)" in said
    assert "Its name. (required)" in said
    assert "A number. (default: 3)" in shown(capsys, Both, "copy", "--config", "copy.json", "--help")


def test_completion_for_shells_knows_all_options(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["run"])
    with pytest.raises(SystemExit) as stop:
        run("--tyro-write-completion", "bash", "completion.sh")
    assert not stop.value.code
    written = (tmp_path / "completion.sh").read_text()
    assert all(option in written for option in ("--config", "--preset", "--epochs"))
