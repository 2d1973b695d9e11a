"""Data flows one way: a floor imports only its own and lower floors, and heavy libraries have one home."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = {
    "epitoma.errors": 0,
    "epitoma.config": 0,
    "epitoma.timesteps": 0,
    "epitoma.selection": 0,
    "epitoma.views": 0,
    "epitoma.whole_files": 0,
    "epitoma.addresses": 0,
    "epitoma.parquet": 0,
    "epitoma.roots": 0,
    "epitoma.ownership": 0,
    "epitoma.progress": 0,
    "epitoma.journal": 0,
    "epitoma.sampling": 1,
    "epitoma.video": 1,
    "epitoma.datasets": 1,
    "epitoma.models": 1,
    "epitoma.losses": 1,
    "epitoma.sparsity": 1,
    "epitoma.collapse": 1,
    "epitoma.metrics": 1,
    "epitoma.cost": 1,
    "epitoma.tradeoff": 1,
    "epitoma.front": 1,
    "epitoma.shrinkage": 1,
    "epitoma.feature_store": 1,
    "epitoma.choices": 1,
    "epitoma.stopwatch": 0,
    "epitoma.predictions": 2,
    "epitoma.looking": 2,
    "epitoma.decode_cost": 2,
    "epitoma.time_cost": 2,
    "epitoma.paper_cost": 2,
    "epitoma.training": 2,
    "epitoma.evaluation": 2,
    "epitoma.trial": 2,
    "epitoma.sweep_result": 2,
    "epitoma.studies": 2,
    "epitoma.presets": 3,
    "epitoma.recogniser": 3,
    "epitoma.explanation": 3,
    "epitoma.kernel_sheets": 2,
    "epitoma.explanation_page": 4,
    "epitoma.tracking": 4,
    "epitoma.mlflow_model": 4,
    "epitoma.served": 3,
    "epitoma.plots": 4,
    "epitoma.tables": 4,
    "epitoma.console": 4,
    "epitoma.on_ray": 4,
    "ray_jobs": 5,
    "tune_spaces": 5,
}
HOMES = {
    "ray": ("epitoma/on_ray", "ray_jobs", "tune_spaces"),
    "mlflow": ("epitoma/tracking.py", "epitoma/mlflow_model.py"),
    "av": ("epitoma/video",),
    "matplotlib": ("epitoma/plots.py",),
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


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_floor_imports_only_its_own_and_lower_floors(file):
    own = floor(module_of(file))
    if module_of(file) == "epitoma":
        return
    assert own is not None, f"{file} has no floor: give it one in FLOORS"
    higher = [name for name in imports(file) if (floor(name) or 0) > own]
    assert not higher


@pytest.mark.parametrize("file", FILES, ids=str)
def test_heavy_libraries_are_imported_in_their_home_only(file):
    for name in imports(file):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or any(str(file).startswith(home) for home in homes), f"{file} imports {name}"


@pytest.mark.parametrize("file", [f for f in FILES if f.parts[0] == "tune_spaces"], ids=str)
def test_a_search_space_needs_nothing_but_tune_and_types(file):
    assert {name.split(".")[0] for name in imports(file)} <= {"ray", "typing"}


def test_the_rules_would_notice_a_breach(tmp_path):
    assert floor("epitoma.training.loop") > floor("epitoma.models.gating")
    assert floor("epitoma.models") == 1
    assert floor("numpy") is None
    assert "ray" in set(imports(Path("epitoma/on_ray/trainer.py")))


def test_workers_that_only_decode_do_without_torch():
    decoders = "import epitoma.on_ray.decoding, epitoma.on_ray.sparse_decoding"
    code = f"import sys; {decoders}; print('torch' in sys.modules, 'timm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["False", "False"]
