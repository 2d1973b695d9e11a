"""The options of ``train`` are a list that one reads before it grows."""

import re

import pytest

from epitoma.presets import preset
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.options import parse

MOST = 60
"""Options that a person can still read through."""


def test_an_option_more_or_less_is_a_decision(golden, capsys):
    """Whoever means it: ``pytest --renew-golden``, and say in the commit who needs the option."""
    with pytest.raises(SystemExit):
        parse(TrainConfig, ["--help"], about="Train.", preset=preset)
    options = re.findall(r"^[│\s]*(?:-h, )?(--[a-z][\w.-]*)", capsys.readouterr().out, flags=re.MULTILINE)
    assert "--manifest" in options
    assert len(options) <= MOST
    assert options == golden.values("train_options", {"options": options})["options"]
