"""One option for GPUs: the same name, values, default and help in every job that computes networks."""

import re

import pytest

from epitoma.core.config import from_dict
from epitoma.core.errors import ConfigError
from epitoma.training.run_config import TrainConfig
from ray_jobs.demo import DemoConfig
from ray_jobs.evaluate import EvaluateConfig
from ray_jobs.extract import ExtractConfig
from ray_jobs.finetune import FinetuneConfig
from ray_jobs.parts.explain_report import ExplainConfig
from ray_jobs.parts.options import parse
from ray_jobs.predict import PredictConfig
from ray_jobs.sweep import SweepConfig

JOBS = (
    TrainConfig,
    FinetuneConfig,
    ExtractConfig,
    EvaluateConfig,
    SweepConfig,
    PredictConfig,
    ExplainConfig,
    DemoConfig,
)


def help_of(config_type: type, capsys: pytest.CaptureFixture[str]) -> str:
    """What help says of GPUs, in one line and without its boxes."""
    with pytest.raises(SystemExit):
        parse(config_type, ["--help"], about="")
    said = " ".join(re.sub(r"[\u2500-\u257f]", " ", capsys.readouterr().out).split())
    return said[said.rindex("--gpu ") :].partition("(default: auto)")[0]


def test_every_job_says_the_same_of_it(capsys):
    (said,) = {help_of(job, capsys) for job in JOBS}
    assert said.startswith("--gpu {auto,true,false} ``true`` computes networks on GPUs")


@pytest.mark.parametrize("value", ["yes", "True", "1"])
def test_other_values_are_refused(value: str):
    with pytest.raises(ConfigError, match="gpu"):
        parse(ExtractConfig, ["--manifest", "m", "--gpu", value], about="")
    with pytest.raises(ConfigError, match="gpu"):
        from_dict(ExtractConfig, {"manifest": "m", "gpu": value}, source="a file")


def test_a_share_of_a_gpu_without_gpus_is_refused():
    with pytest.raises(ConfigError, match=r"gpus_per_trial 0\.5 needs a GPU, and gpu is false"):
        parse(
            SweepConfig,
            ["--manifest", "m", "--name", "s", "--gpu", "false", "--gpus-per-trial", "0.5"],
            about="",
        )
