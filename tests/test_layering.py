"""Data flows one way: a floor imports only its own and lower floors, and heavy libraries have one home."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLOORS = {
    "epitoma.core.errors": 0,
    "epitoma.core.config": 0,
    "epitoma.core.timesteps": 0,
    "epitoma.core.selection": 0,
    "epitoma.core.views": 0,
    "epitoma.files.atomic": 0,
    "epitoma.files.json_files": 0,
    "epitoma.files.uris": 0,
    "epitoma.files.parquet": 0,
    "epitoma.files.allowed_roots": 0,
    "epitoma.files.ownership": 0,
    "epitoma.core.progress": 0,
    "epitoma.tracking.journal": 0,
    "epitoma.core.sampling": 1,
    "epitoma.video": 1,
    "epitoma.datasets": 1,
    "epitoma.models": 1,
    "epitoma.training.losses": 1,
    "epitoma.training.sparsity": 1,
    "epitoma.training.collapse": 1,
    "epitoma.training.metrics": 1,
    "epitoma.cost.gmacs": 1,
    "epitoma.evaluation.tradeoff": 1,
    "epitoma.sweeps.pareto": 1,
    "epitoma.sweeps.shrinkage": 1,
    "epitoma.training.feature_store": 1,
    "epitoma.evaluation.choices": 1,
    "epitoma.core.stopwatch": 0,
    "epitoma.inference.predictions": 2,
    "epitoma.video.two_pass": 2,
    "epitoma.cost.decoding": 2,
    "epitoma.cost.milliseconds": 2,
    "epitoma.cost.paper_table": 2,
    "epitoma.training": 2,
    "epitoma.evaluation.budgets": 2,
    "epitoma.sweeps.trial": 2,
    "epitoma.sweeps.result": 2,
    "epitoma.studies": 2,
    "epitoma.presets": 3,
    "epitoma.inference.predictor": 3,
    "epitoma.inference.explanation": 3,
    "epitoma.inference.kernel_sheets": 2,
    "epitoma.reporting.explanation_page": 4,
    "epitoma.tracking.mlflow_run": 4,
    "epitoma.tracking.mlflow_model": 4,
    "epitoma.inference.served": 3,
    "epitoma.reporting.plots": 4,
    "epitoma.reporting.tables": 4,
    "epitoma.reporting.console": 4,
    "epitoma.on_ray": 4,
    "ray_jobs": 5,
    "tune_spaces": 5,
}
HOMES = {
    "ray": ("epitoma/on_ray", "ray_jobs", "tune_spaces"),
    "mlflow": ("epitoma/tracking/mlflow_run.py", "epitoma/tracking/mlflow_model.py"),
    "av": ("epitoma/video",),
    "matplotlib": ("epitoma/reporting/plots.py",),
}
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
    return FLOORS[max(known, key=len)] if known else None


def module_of(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def too_high(file: Path) -> list[str]:
    """What a file imports from above its own floor."""
    own = floor(module_of(file))
    return [name for name in imports(file) if own is not None and (floor(name) or 0) > own]


def away_from_home(file: Path) -> list[str]:
    """Heavy libraries that a file imports although it is not their home."""
    homes = {name: HOMES.get(name.split(".")[0]) for name in imports(file)}
    return [name for name, home in homes.items() if home is not None and not str(file).startswith(home)]


def test_every_file_has_a_floor():
    without = [file for file in FILES if floor(module_of(file)) is None]
    assert without == [Path("epitoma/__init__.py")], "give them one in FLOORS"


def test_a_floor_imports_only_its_own_and_lower_floors():
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
    assert floor("epitoma.models") == 1
    assert floor("numpy") is None
    assert "ray" in set(imports(Path("epitoma/on_ray/train/trainer.py")))
    breach = Path("epitoma/models/breach.py")
    (tmp_path / breach).parent.mkdir(parents=True)
    (tmp_path / breach).write_text("import ray\nfrom epitoma.training.loop import TrainingLoop\n")
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert too_high(breach) == ["epitoma.training.loop"]
    assert away_from_home(breach) == ["ray"]
