"""Fine-tune one network as a plain video classifier, from pixels: the first step of the paper's recipe.

A video's timesteps are classified one by one and their scores averaged. ``train`` takes the fine-tuned network with
``--start-from light=RUN`` or ``--start-from heavy=RUN``.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from epitoma.core.errors import ConfigError
from epitoma.models.classifier import FrameAverage
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.videoepitoma import HeadConfig
from epitoma.training.batch import SelectionName
from epitoma.training.checkpoint import State
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.command_line import run_job
from ray_jobs.train import train

LIGHT, HEAVY = "networks.light.", "networks.heavy."


def plain_head() -> HeadConfig:
    """Head that classifies each timestep and averages the scores."""
    return HeadConfig(classifier=FrameAverage.Config())


def plain_optimisation() -> OptimisationConfig:
    """Few epochs at a low learning rate: a pretrained network needs no more, and overfits soon."""
    return OptimisationConfig(epochs=20, patience=5, network_learning_rate=1e-4)


@dataclass(kw_only=True)
class FinetuneConfig(TrainConfig):
    """Options of fine-tuning one network: those of a training run from pixels without a selector.

    Attributes:
        network: Network to fine-tune.
        timesteps: Timesteps per video in validation, uniform over it.
        train_timesteps: Timesteps per video in training; None draws as many as ``timesteps``.
    """

    network: Literal["light", "heavy"] = "heavy"
    timesteps: int = 16
    source: Annotated[Literal["features", "pixels"], tyro.conf.Suppress] = "pixels"
    selection: Annotated[SelectionName, tyro.conf.Suppress] = "dense"
    head: HeadConfig = field(default_factory=plain_head)
    optimisation: OptimisationConfig = field(default_factory=plain_optimisation)

    def __post_init__(self) -> None:
        if self.optimisation.network_learning_rate == 0:
            raise ConfigError("optimisation.network_learning_rate must be above 0, or nothing is fine-tuned")
        if (self.source, self.selection) != ("pixels", "dense"):
            raise ConfigError("fine-tuning is from pixels, of the network, and without a selector")
        super().__post_init__()


def finetune(config: FinetuneConfig, *, parent: Path | None = None) -> Path:
    """Fine-tune, and return the run's folder.

    A LightNet is trained in HeavyNet's place, where it sees all timesteps, and its weights are then saved as
    LightNet's too.

    Raises:
        EpitomaError: Bad input: a taken name, a missing manifest or weight file, too many bad videos.
    """
    if config.network == "heavy":
        return train(config, parent=parent)
    light = config.networks.light
    heavy = HeavyNet.Config(name=light.name, weights=light.weights, size=light.size)
    placed = replace(config, networks=replace(config.networks, heavy=heavy))
    return train(placed, parent=parent, finish=light_in_its_place)


def light_in_its_place(state: State) -> State:
    """The state with HeavyNet's trained weights copied to LightNet."""
    learnt = {
        name.replace(HEAVY, LIGHT, 1): each.clone() for name, each in state.items() if name.startswith(HEAVY)
    }
    return {**state, **learnt}


def main() -> None:
    """Run the command."""
    run_job(FinetuneConfig, finetune, about=__doc__)


if __name__ == "__main__":
    main()
