"""Parts by name: ours, those of plugins, and what is said where there is none."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from epitoma.core.config import from_dict, to_dict
from epitoma.core.errors import ConfigError
from epitoma.core.registry import (
    Kind,
    PartConfig,
    import_plugins,
    names,
    plugin_sources,
    register,
    registered,
)

PLUGIN = """
from epitoma.core.registry import register

@register("loss", "{name}")
def loss(recognition, labels_BL):
    return labels_BL.sum(dim=1)
"""


@dataclass(kw_only=True)
class GateConfig(PartConfig):
    """Of parts that no other test has."""

    kind: ClassVar[Kind] = "gate"


@register("gate", "test_wide")
class Wide:
    @dataclass(kw_only=True)
    class Config(GateConfig):
        width: int = 3


@register("gate", "test_long")
class Long:
    @dataclass(kw_only=True)
    class Config(GateConfig):
        lengths: tuple[int, ...] = (1, 2)


@dataclass(kw_only=True)
class WholeConfig:
    gate: GateConfig = field(default_factory=Wide.Config)
    plugin: tuple[str, ...] = ()


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    return tmp_path


def test_a_part_is_found_by_the_name_it_was_given():
    assert registered("gate", "test_wide") is Wide
    assert {"test_wide", "test_long"} <= set(names("gate"))


def test_a_name_that_is_taken_is_refused_but_not_to_the_same_part():
    with pytest.raises(ConfigError, match="wants to be the gate 'test_wide'"):
        register("gate", "test_wide")(Long)
    assert register("gate", "test_wide")(Wide) is Wide


def test_a_part_cannot_take_the_config_of_the_part_that_it_derives_from():
    """The config would then name the new part wherever it means the old one."""

    class Wider(Wide):
        pass

    with pytest.raises(
        ConfigError, match=r"Wider needs a Config of its own, such as class Config\(Wide\.Config\)"
    ):
        register("gate", "test_wider")(Wider)
    assert Wide.Config.part == "test_wide"
    assert "test_wider" not in names("gate")


def test_where_there_is_none_of_a_name_those_that_are_there_are_named():
    with pytest.raises(ConfigError, match=r"no gate 'none'; there are .*test_long.*--plugin MODULE"):
        registered("gate", "none")


def test_options_of_a_part_are_written_with_its_name_and_built_by_it():
    config = WholeConfig(gate=Long.Config(lengths=(4,)))
    written = to_dict(config)
    assert written["gate"] == {"part": "test_long", "lengths": [4]}
    assert from_dict(WholeConfig, written, source="here") == config


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        ({"part": "none"}, "no gate 'none'"),
        ({"width": 4}, "without its name"),
        ({"part": "test_long", "width": 4}, "width"),
    ],
)
def test_options_that_no_part_has_are_refused(gate: dict, reason: str):
    with pytest.raises(ConfigError, match=rf"here: .*{reason}"):
        from_dict(WholeConfig, {"gate": gate}, source="here")


def test_what_a_person_names_is_found_in_the_working_folder_and_what_a_file_names_is_not(in_folder: Path):
    (in_folder / "plugin_of_folder.py").write_text(PLUGIN.format(name="of_folder"))
    with pytest.raises(ConfigError, match=r"here: there is no module 'plugin_of_folder'"):
        from_dict(WholeConfig, {"plugin": ["plugin_of_folder"]}, source="here")
    import_plugins(["plugin_of_folder"], from_here=True)
    assert "of_folder" in names("loss")
    from_dict(WholeConfig, {"plugin": ["plugin_of_folder"]}, source="here")
    assert plugin_sources(["plugin_of_folder"]) == [in_folder / "plugin_of_folder.py"]


def test_a_plugin_of_several_files_is_its_folder(in_folder: Path):
    package = in_folder / "plugin_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "losses.py").write_text(PLUGIN.format(name="of_package"))
    import_plugins(["plugin_package.losses"], from_here=True)
    assert "of_package" in names("loss")
    assert plugin_sources(["plugin_package.losses"]) == [package]


def test_a_plugin_that_is_not_there_is_told_from_one_that_lacks_something(in_folder: Path):
    with pytest.raises(ConfigError, match=r"no module 'not_there' for --plugin: run from its folder"):
        import_plugins(["not_there"])
    (in_folder / "lacks_something.py").write_text("import something_else_that_is_not_there\n")
    with pytest.raises(ModuleNotFoundError, match="something_else"):
        import_plugins(["lacks_something"], from_here=True)
