"""Nothing from outside is unpickled or run: the source is searched for every call that would."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(
    file.relative_to(ROOT)
    for folder in ("epitoma", "ray_jobs", "tune_spaces")
    for file in (ROOT / folder).rglob("*.py")
)
UNPICKLERS = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "pandas", "yaml"}
"""Libraries that run what they read, or will do so if asked the usual way."""

NOT_UNPICKLING = {("pickle", "UnpicklingError")}
NEED_WEIGHTS_ONLY = {"torch.load", "get_state_dict", "load_state_dict_from_url", "load_state_dict_from_hf"}
HOMES = {
    "read_table": "epitoma/files/parquet.py",
    "ParquetFile": "epitoma/files/parquet.py",
    "ParquetDataset": "epitoma/files/parquet.py",
    "read_parquet": None,  # Of ray.data and pandas; ours is called by its bare name.
    "restore": None,  # Of Tune's Tuner.
    "tune.run": "epitoma/on_ray/tune/tuner.py",  # What it goes on with is unpickled, which is why that file checks it.
    "import_module": ("epitoma/on_ray/tune/search_space.py", "epitoma/core/registry.py"),
    "exec_module": "epitoma/on_ray/tune/search_space.py",
}
"""Where alone a method of this name, or the function of a module, may be called."""


def unsafe(source: str, file: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in UNPICKLERS)
        elif isinstance(node, ast.ImportFrom):
            taken = {(node.module, name.name) for name in node.names} - NOT_UNPICKLING
            yield from (
                f"{module}.{name}" for module, name in taken if UNPICKLERS & {*module.split("."), name}
            )
        elif isinstance(node, ast.Call):
            yield from _unsafe_call(node, file)


def _unsafe_call(call: ast.Call, file: str) -> Iterator[str]:
    said = ast.unparse(call.func)
    options = {option.arg: ast.unparse(option.value) for option in call.keywords}
    method = call.func.attr if isinstance(call.func, ast.Attribute) else None
    if said in ("eval", "exec", "compile", "__import__", "torch.hub.load"):
        yield said
    if NEED_WEIGHTS_ONLY & {said, method} and options.get("weights_only") != "True":
        yield said
    if options.get("allow_pickle", "False") != "False" or options.get("weights_only", "True") != "True":
        yield said
    names = {method, ".".join(said.split(".")[-2:])} if method else set()
    if any(file not in _homes(name) for name in names & HOMES.keys()):
        yield said
    if method == "load_model" and said.startswith("mlflow"):
        yield said


def _homes(name: str) -> tuple[str | None, ...]:
    home = HOMES[name]
    return home if isinstance(home, tuple) else (home,)


def test_nothing_is_unpickled_or_run():
    found = {str(file): list(unsafe((ROOT / file).read_text(), str(file))) for file in FILES}
    assert {file: calls for file, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from ray import cloudpickle",
        "from ray.cloudpickle import loads",
        "from pickle import loads",
        "import yaml",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "weights.get_state_dict(check_hash=True)",
        "torch.hub.load('owner/name', 'net')",
        "pq.read_table(path)",
        "ray.data.read_parquet(path)",
        "Tuner.restore(path, trainable=f)",
        "ray.tune.run(f, resume=True)",
        "exec(text)",
        "mlflow.pyfunc.load_model(uri)",
        "importlib.import_module(name)",
    ],
)
def test_the_rules_would_notice_a_breach(code):
    assert list(unsafe(code, "epitoma/any.py"))
