from dataclasses import replace
from pathlib import Path

import pytest

from epitoma.core.config import flatten, from_dict, to_dict
from epitoma.core.errors import ConfigError
from epitoma.training.run_config import TrainConfig
from epitoma.training.sparsity import SparsityConfig
from ray_jobs.parts.demo_configs import demo_selector


def test_a_whole_config_survives_json():
    selector = demo_selector(Path("runs/demo"), Path("data/manifest.parquet"))
    config = replace(selector, name="fine", source="pixels", start_from=("runs/demo/selector",))
    assert from_dict(TrainConfig, to_dict(config), source="test") == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.update(bugdet=3), "bugdet"),
        (lambda values: values["sparsity"].update(target=3), "target"),
        (lambda values: values.update(timesteps="many"), "timesteps"),
        (lambda values: values.pop("manifest"), "manifest"),
        (lambda values: values.update(source="radio"), "source"),
    ],
)
def test_a_bad_field_is_named_with_its_file(change, message):
    values = to_dict(demo_selector(Path("runs"), Path("m.parquet")))
    change(values)
    with pytest.raises(ConfigError, match=rf"(?s)conf\.json.*{message}"):
        from_dict(TrainConfig, values, source="conf.json")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source": "features", "augmentation": ("flip",)}, "needs source 'pixels'"),
        ({"timesteps": 4, "sparsity": SparsityConfig(target_timesteps=8)}, "more than timesteps 4"),
        ({"timesteps": 32, "store_timesteps": 16}, "store_timesteps 16 is fewer than timesteps 32"),
        ({"train_timesteps": 0}, None),
    ],
)
def test_contradictions_are_refused(settings, message):
    def make():
        return TrainConfig(manifest=Path("m"), name="x", **settings)

    if message is None:
        assert make().candidates == make().timesteps
        return
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize("field", ["start_from", "plugin"])
def test_a_text_where_a_list_is_needed_is_not_taken_letter_by_letter(field):
    values = {**to_dict(demo_selector(Path("runs"), Path("m.parquet"))), field: "runs/first"}
    with pytest.raises(ConfigError, match=r"conf\.json.*'runs/first' stands where a list of texts is needed"):
        from_dict(TrainConfig, values, source="conf.json")


def test_a_target_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="above 0, not 0"):
        SparsityConfig(target_timesteps=0)


def test_flatten_gives_dotted_names():
    assert flatten({"a": 1, "b": {"c": 2, "d": {"e": [3]}}}) == {"a": 1, "b.c": 2, "b.d.e": [3]}
