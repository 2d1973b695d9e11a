"""Path options of all jobs: none takes an address, and no output of a Ray job is relative."""

import dataclasses
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from epitoma.core.errors import ConfigError
from epitoma.files.local_paths import RAY_JOB, InputPath, is_input
from ray_jobs.cli import COMMANDS
from ray_jobs.parts.options import parse

JOBS = sorted({command.job for command in COMMANDS.values()})
READ = {
    "evaluate --manifest, --reference, --selector-from",
    "extract --manifest, --networks-from",
    "finetune --manifest",
    "predict --model",
    "prepare breakfast --root",
    "prepare charades --annotations, --root, --videos",
    "prepare composites --clips, --clips-table, --script, --words",
    "prepare folder --root",
    "prepare table --file, --root",
    "report cost --video",
    "report explain --manifest",
    "report front --sweep",
    "report table1 --video",
    "sweep --like, --manifest",
    "train --manifest",
}
"""Options that are only read: whoever adds one here has seen that the job writes nothing there."""


def config_type(job: str) -> Any:
    """The type that a job's `main` gives to `run_job`."""
    module, given = import_module(f"ray_jobs.{job}"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "run_job", lambda kind, *_, **__: given.append(kind))
        module.main()
    return given[0]


def commands() -> Iterator[tuple[str, Any, type]]:
    """Every job, or its subcommand: the words that run it, what `parse` takes, and the dataclass of its options."""
    for job in JOBS:
        kind = config_type(job)
        if dataclasses.is_dataclass(kind):
            yield job, kind, kind
        for member in get_args(kind):
            one, subcommand = get_args(member)
            yield f"{job} {subcommand.name}", kind, one


ALL = {words: (kind, one) for words, kind, one in commands()}


def path_hints(kind: type, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Path options of a dataclass and of those in it, by their types: names, and whether they are only read."""
    hints = get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        name, hint = prefix + field.name.replace("_", "-"), hints[field.name]
        if dataclasses.is_dataclass(hint):
            yield from path_hints(hint, f"{name}.")
        elif has_path(hint):
            yield name, is_input(hint)


def has_path(hint: Any) -> bool:
    return hint is Path or any(map(has_path, get_args(hint)))


def needed(one: type) -> list[str]:
    """Values of the options that have to be given."""
    words = []
    for field in dataclasses.fields(one):
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            words += [f"--{field.name.replace('_', '-')}", "/given"]
    return words


OPTIONS = [(words, name, read) for words, (_, one) in ALL.items() for name, read in path_hints(one)]


def test_every_job_is_walked():
    assert set(JOBS) == {words.split()[0] for words, *_ in OPTIONS}
    outputs = {f"{words} --{name}" for words, name, read in OPTIONS if not read}
    assert {"train --runs", "sweep --features", "predict --output", "report cost --json"} <= outputs
    assert {"prepare folder --output", "evaluate --run", "report table2 --runs", "demo --runs"} <= outputs


def test_which_options_are_only_read_is_a_decision():
    read: dict[str, list[str]] = {}
    for words, name, is_read in OPTIONS:
        if is_read:
            read.setdefault(words, []).append(f"--{name}")
    assert {f"{words} {', '.join(sorted(names))}" for words, names in read.items()} == READ


ADDRESSES = ("s3://bucket/a", "gs://b/a", "hdfs://host/a", "https://h/a", "file:///a")


@pytest.mark.parametrize(("words", "name"), [(words, name) for words, name, _ in OPTIONS if name != "video"])
def test_no_path_is_an_address(words, name):
    kind, one = ALL[words]
    for address in ADDRESSES:
        with pytest.raises(
            ConfigError, match=f"^--{name} {address} is an address.* NFS, EFS, FSx or Lustre$"
        ):
            parse(kind, [*words.split()[1:], *needed(one), f"--{name}", address], about=None)


@pytest.mark.parametrize(("words", "name"), [(words, name) for words, name, read in OPTIONS if not read])
def test_a_ray_job_has_no_relative_outputs(monkeypatch, words, name):
    kind, one = ALL[words]
    given = [*words.split()[1:], *needed(one)]
    others = [name for each, name, read in OPTIONS if each == words and not read]
    line = [*given, *(word for other in others for word in (f"--{other}", "/given"))]
    monkeypatch.setenv(RAY_JOB, "{}")
    parse(kind, line, about=None)
    with pytest.raises(
        ConfigError, match=f"^--{name} here/a is a relative path inside a Ray job.*absolute path"
    ):
        parse(kind, [*line, f"--{name}", "here/a"], about=None)
    monkeypatch.delenv(RAY_JOB)
    parse(kind, [*line, f"--{name}", "here/a"], about=None)


def test_secrets_of_an_address_are_not_shown():
    kind, _ = ALL["train"]
    line = ["--manifest", "m", "--name", "n", "--runs", "https://user:word@host/a?token=abc"]
    with pytest.raises(ConfigError, match="is an address") as told:
        parse(kind, line, about=None)
    assert "word" not in str(told.value)
    assert "abc" not in str(told.value)


def test_a_type_inside_others_says_that_it_is_read():
    assert is_input(tuple[InputPath, ...] | None)
    assert not is_input(tuple[Path, ...] | None)
