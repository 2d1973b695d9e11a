"""What all faults share, and how what a run came to is compared with what it should have."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.faults.outcome import Outcome
from benchmarks.running_job import losses
from epitoma.datasets.manifest import Manifest
from epitoma.on_ray.train.fit import checkpoints_of
from epitoma.training.audit import audit
from epitoma.training.run_config import TrainConfig

ROOT = Path("runs/benchmarks/faults")
EPOCHS = 4
HURT_AT = (1, 1)
"""Where a fault strikes: epoch and step, past the first checkpoints."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all faults share.

    Attributes:
        config: Of the undisturbed run; its name is that of the run.
        manifest: The dataset.
        curves: Losses of undisturbed runs, by number of workers.
    """

    config: TrainConfig
    manifest: Manifest
    curves: dict[int, list[float]]

    def run_config(self, fault: str, **changes: Any) -> TrainConfig:
        """The same run under the name of a fault."""
        return replace(self.config, name=fault, **changes)

    def outcome(
        self, config: TrainConfig, *, seconds: float | None, code: int, said: str = "", by_hand: bool = False
    ) -> Outcome:
        """Compare what a run came to with what it should have."""
        seen = audit(config.folder, self.manifest.split("train").video_ids, epochs=EPOCHS)
        return Outcome(
            fault=config.name,
            survived=code == 0,
            resumed_by_hand=by_hand,
            recovery_seconds=None if seconds is None else round(seconds, 1),
            videos_lost=len(seen.lost),
            videos_repeated=len(seen.repeated),
            same_loss_curve=losses(config.folder) == self.curves[config.workers.count],
            half_written=half_written(config),
            said=said.replace(f"{ROOT.absolute()}/", ""),
        )


def half_written(config: TrainConfig) -> int:
    """Checkpoints that are there without the file that is written last."""
    places = checkpoints_of(config).path.glob("epoch_*")
    return sum(not (place / "state.json").is_file() for place in places)
