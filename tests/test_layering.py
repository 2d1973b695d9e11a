"""Data flows one way: a room imports only itself and the rooms below it, and heavy libraries have one home."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLOORS = (
    "epitoma.core",
    "epitoma.files",
    "epitoma.models",
    "epitoma.video",
    "epitoma.datasets",
    "epitoma.cost",
    "epitoma.training",
    "epitoma.evaluation",
    "epitoma.inference",
    "epitoma.sweeps",
    "epitoma.studies",
    "epitoma.presets",
    "epitoma.reporting",
    "epitoma.tracking",
    "epitoma.on_ray.cluster",
    "epitoma.on_ray.decode",
    "epitoma.on_ray.datasets",
    "epitoma.on_ray.train",
    "epitoma.on_ray.predict",
    "epitoma.on_ray.tune",
    "ray_jobs.parts",
    "ray_jobs",
    "tune_spaces",
)
"""The rooms from the ground up: each imports those before it, and none that comes after."""

HOMES = {
    "ray": ("epitoma/on_ray/", "ray_jobs/", "tune_spaces/"),
    "mlflow": ("epitoma/tracking/",),
    "av": ("epitoma/video/",),
    "matplotlib": ("epitoma/reporting/",),
}
IN_THE_HALLWAY = {"epitoma/__init__.py", "epitoma/presets.py"}
FILES = sorted(
    file.relative_to(ROOT)
    for folder in ("epitoma", "ray_jobs", "tune_spaces")
    for file in (ROOT / folder).rglob("*.py")
)


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            yield node.module


def floor(module: str) -> int | None:
    known = [name for name in FLOORS if module == name or module.startswith(f"{name}.")]
    return FLOORS.index(max(known, key=len)) if known else None


def module_of(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def too_high(file: Path) -> list[str]:
    """What a file imports from above its own room."""
    own = floor(module_of(file))
    return [name for name in imports(file) if own is not None and (floor(name) or 0) > own]


def away_from_home(file: Path) -> list[str]:
    """Heavy libraries that a file imports although it is not their home."""
    homes = {name: HOMES.get(name.split(".")[0]) for name in imports(file)}
    return [name for name, home in homes.items() if home is not None and not str(file).startswith(home)]


def test_every_file_has_a_room():
    hallway = {str(file) for file in FILES if file.parent == Path("epitoma")}
    assert hallway == IN_THE_HALLWAY, "everything else belongs into a room"
    without = {file for file in FILES if floor(module_of(file)) is None and file.name != "__init__.py"}
    assert without == set(), "its folder has no place in FLOORS"


def test_a_room_imports_only_those_below_it():
    assert {file: names for file in FILES if (names := too_high(file))} == {}


def test_heavy_libraries_are_imported_in_their_home_only():
    assert {file: names for file in FILES if (names := away_from_home(file))} == {}


def test_a_search_space_needs_nothing_but_tune_and_types():
    spaces = [file for file in FILES if file.parts[0] == "tune_spaces"]
    assert len(spaces) > 1
    for file in spaces:
        assert {name.split(".")[0] for name in imports(file)} <= {"ray", "typing"}, file


def test_the_rules_would_notice_a_breach(tmp_path, monkeypatch):
    assert floor("epitoma.training.loop") > floor("epitoma.models.gating")
    assert floor("epitoma.models") == 2
    assert floor("numpy") is None
    assert "ray" in set(imports(Path("epitoma/on_ray/train/fit.py")))
    breach = Path("epitoma/models/breach.py")
    (tmp_path / breach).parent.mkdir(parents=True)
    (tmp_path / breach).write_text("import ray\nfrom epitoma.training.loop import TrainingLoop\n")
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert too_high(breach) == ["epitoma.training.loop"]
    assert away_from_home(breach) == ["ray"]
