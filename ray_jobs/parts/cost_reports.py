"""Reports of computational cost: the paper's table 1, and the cost of any networks by stage."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from epitoma.core.errors import ConfigError
from epitoma.cost.decoding import Passes, decode_milliseconds
from epitoma.cost.gmacs import Cost, cost_of
from epitoma.cost.paper_table import TableRow, as_json, table1, table_passes, with_decoding
from epitoma.datasets.synthetic import SyntheticConfig, plan_dataset, write_synthetic_video
from epitoma.files.json_files import write_json
from epitoma.files.local_paths import InputPath
from epitoma.files.presence import is_file
from epitoma.models.videoepitoma import HeadConfig, Networks, NetworksConfig
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.on_ray.decode.attempts import Attempts
from epitoma.on_ray.decode.one_video import read_on_worker
from epitoma.reporting.console import console, phase, say
from epitoma.reporting.tables import paper_cost_table, stage_table

CLASSES = 10
Key = TypeVar("Key")
DECODE_NOTE = "decode ms: of one core, for {video}"


@dataclass(kw_only=True)
class DecodingConfig:
    """Output of a cost report, and the video whose decoding is timed.

    Attributes:
        json: File to write the rows to; None writes none.
        video: Video whose decoding is timed; None makes one like Breakfast's, 140 s at 15 frames per second.
        made: Folder of that made video, and of Ray's logs.
    """

    json: Path | None = None
    video: InputPath | None = None
    made: Path = Path("runs/table1")

    def __post_init__(self) -> None:
        if self.video is not None and not is_file(self.video):
            raise ConfigError(f"no video at {self.video}; give a file, or leave --video out")

    def decoded_video(self) -> Path:
        """The given video, or the one that is made."""
        return self.video or made_video(self.made)

    def decode_ms(self, video: Path, passes: Mapping[Key, Passes]) -> dict[Key, float]:
        """CPU milliseconds of decoding, measured by a worker, since a video may end or stall the process."""
        costs: dict[Key, float] = {}
        with ray_session(logs=self.made / "logs"), phase("measure decoding", unit="rows") as advance:
            attempts = Attempts.start()
            for key, each in passes.items():
                costs[key] = read_on_worker(
                    str(video.resolve()), decode_milliseconds, each, attempts=attempts
                )
                advance(len(costs), len(passes))
        return costs


@dataclass(kw_only=True)
class Table1Config(DecodingConfig):
    """Cost of VideoEpitoma with each of the paper's networks: table 1 of the paper."""

    def report(self) -> None:
        """Count operations, time decoding, print the table and write the rows."""
        with phase("count operations", unit="rows") as advance:
            rows = table1(watch=advance)
        video = self.decoded_video()
        rows = with_decoding(rows, self.decode_ms(video, table_passes()))
        _print_summary(rows, video)
        if self.json is not None:
            write_json(self.json, as_json(rows))


@dataclass(kw_only=True)
class CostConfig(DecodingConfig):
    """Cost of a video with networks of your choice, by stage, at T candidates and T' kept timesteps.

    Attributes:
        networks: LightNet and HeavyNet; their weights are not loaded.
        head: Selector and classifier.
        timesteps: Candidate timesteps, T.
        kept: Kept timesteps, T': one row for each number.
        classes: Number of classes.
        plugin: Modules that register parts of one's own (docs/extending.md).
    """

    networks: NetworksConfig = field(default_factory=NetworksConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    timesteps: int = 128
    kept: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    classes: int = CLASSES
    plugin: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.kept or not all(0 < kept <= self.timesteps for kept in self.kept):
            raise ConfigError(f"kept {self.kept} must be from 1 to timesteps, {self.timesteps}")

    def report(self) -> None:
        """Count operations, time decoding, print the table and write the rows."""
        networks, video = self._networks(), self.decoded_video()
        model = cost_of(networks, self.head, candidates=self.timesteps, classes=self.classes)
        costs = {kept: model.at(kept) for kept in self.kept}
        decode_ms = self.decode_ms(video, self._passes(networks))
        console.print(stage_table(costs, decode_ms, timesteps=self.timesteps))
        say(DECODE_NOTE.format(video=video))
        if self.json is not None:
            rows = [_as_json(self.timesteps, kept, costs[kept], decode_ms[kept]) for kept in self.kept]
            write_json(self.json, rows)

    def _networks(self) -> Networks:
        light = replace(self.networks.light, weights="random")
        heavy = replace(self.networks.heavy, weights="random")
        return Networks(NetworksConfig(light=light, heavy=heavy))

    def _passes(self, networks: Networks) -> dict[int, Passes]:
        light, heavy = networks.light.input, networks.heavy.input
        return {
            kept: Passes(candidates=self.timesteps, kept=kept, light=light, heavy=heavy) for kept in self.kept
        }


def made_video(folder: Path) -> Path:
    """Make a video of Breakfast's mean length and frame rate, unless it exists."""
    config = SyntheticConfig(train_videos=1, min_seconds=140, max_seconds=140, fps=15, size=240, gop=250)
    video = plan_dataset(config)[0]
    path = folder / f"{video.video_id}.mp4"
    if not is_file(path):
        with phase("make a video") as advance:
            write_synthetic_video(video, config, folder)
            advance(1, 1)
    return path


def _print_summary(rows: Sequence[TableRow], video: Path) -> None:
    console.print(paper_cost_table(rows))
    say(
        "light: LightNet, context, kernels and gating on all 16; heavy: HeavyNet on T'; head: VideoClassifier"
    )
    say(
        "exact: every multiplication that runs; paper: by its convention, reverse-engineered "
        "(epitoma/cost/paper_table.py)"
    )
    say(DECODE_NOTE.format(video=video))


def _as_json(timesteps: int, kept: int, cost: Cost, decode_ms: float) -> dict[str, float]:
    counts = {"timesteps": timesteps, "kept": kept}
    return {**counts, **asdict(cost), "total": cost.total, "decode_ms": round(decode_ms, 2)}
