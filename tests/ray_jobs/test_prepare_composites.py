"""The job on real clips of several codecs, sizes and rates, over a real Ray; and input that it cannot use."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from epitoma.core.errors import VideoError
from epitoma.datasets.clips import list_clips
from epitoma.datasets.composites import CompositeConfig, plan_composites
from epitoma.datasets.manifest import Manifest
from epitoma.on_ray.datasets.composites import check_clips, make_composites
from epitoma.on_ray.decode.attempts import STALL_VARIABLE
from epitoma.video.compose import write_video
from epitoma.video.decode import FrameRequest, decode_requests
from epitoma.video.index import index_video
from ray_jobs.parts.command_line import run_job
from ray_jobs.parts.prepare_composites import PrepareComposites
from ray_jobs.prepare import PrepareConfig, prepare
from tests.silent_server import silent_server

COLOURS = {"nothing": (120, 120, 120), "red": (230, 30, 30), "blue": (30, 30, 230)}
KINDS = (
    {"name": "a.mp4", "height": 36, "width": 20, "fps": 24, "codec": "libx264"},
    {"name": "b.avi", "height": 24, "width": 48, "fps": 15, "codec": "mpeg4"},
    {"name": "c.mp4", "height": 32, "width": 32, "fps": 8, "codec": "libx265"},
    {"name": "d.webm", "height": 40, "width": 30, "fps": 10, "codec": "libvpx-vp9"},
    {"name": "e.mp4", "height": 20, "width": 22, "fps": 30, "codec": "libx264"},
    {"name": "f.mp4", "height": 64, "width": 36, "fps": 25, "codec": "libx264"},
)


def write_clip(folder: Path, colour: tuple[int, int, int], kind: dict, shade: int) -> None:
    frame = np.empty((kind["height"], kind["width"], 3), np.uint8)
    frame[:] = np.clip(np.add(colour, shade), 0, 255)
    folder.mkdir(parents=True, exist_ok=True)
    count = kind["fps"] * 2 // 5 + shade // 4
    write_video(folder / kind["name"], [frame] * count, fps=kind["fps"], codec=kind["codec"])


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clips")
    for label, colour in COLOURS.items():
        for number, kind in enumerate(KINDS):
            write_clip(root / label, colour, kind, shade=4 * number)
    (root / "red" / "broken.mp4").write_bytes((root / "red" / "a.mp4").read_bytes()[:200])
    (root / "red" / "copy.mp4").write_bytes((root / "red" / "a.mp4").read_bytes())
    (root / "LICENSE").write_text("read me")
    return root


def job(clips: Path, output: Path, **settings) -> Manifest:
    few = {"train_videos": 4, "validation_videos": 2, "test_videos": 2, "min_seconds": 4, "max_seconds": 6}
    look = {"fps": 8, "size": 32, "evidence_share": 0.3, "min_segment_seconds": 0.5, "max_segment_seconds": 1}
    config = PrepareComposites(clips=clips, output=output, filler=("nothing",), **{**few, **look, **settings})
    return prepare(config)


def shown(path: str) -> list[str]:
    """What each frame of a composite shows, by its colour."""
    index = index_video(path)
    view = FrameRequest(frame_indices=np.arange(index.frame_count), size=32)
    frames = decode_requests(path, index, [view]).pictures[0]
    red, _, blue = np.moveaxis(frames.mean(axis=(1, 2)) > 80, 1, 0)
    return ["nothing" if r and b else "red" if r else "blue" for r, b in zip(red, blue, strict=True)]


def states(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.mp4")}


@pytest.mark.usefixtures("ray_cluster")
def test_composites_show_what_the_manifest_says_and_are_made_once(clips, tmp_path, capsys):
    before = {path: path.stat().st_mtime_ns for path in clips.rglob("*")}
    manifest = job(clips, tmp_path / "out")
    said = capsys.readouterr().out
    assert "4 train, 2 validation, 2 test, 2 classes" in said
    assert "  not taken for videos: 1 LICENSE\n" in said
    assert "red/copy.mp4: is a copy of red/a.mp4" in said
    assert {path: path.stat().st_mtime_ns for path in clips.rglob("*")} == before
    assert manifest.classes == ("blue", "red")
    for row, path in zip(manifest.table.to_pylist(), manifest.resolved_paths(), strict=True):
        frames = shown(path)
        assert len(frames) == row["frame_count"]
        expected = ["nothing"] * len(frames)
        for interval in row["intervals"]:
            span = slice(round(interval["start_seconds"] * 8), round(interval["end_seconds"] * 8))
            expected[span] = [interval["label"]] * (span.stop - span.start)
        assert frames == expected
        assert set(frames) == {"nothing", *row["labels"]}

    rejects = pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()
    assert {row["video_id"] for row in rejects} == {"red/broken.mp4", "red/copy.mp4"}
    fed = pq.read_table(tmp_path / "out" / "clips.parquet").to_pylist()
    assert len(fed) == len(COLOURS) * len(KINDS)

    made = states(tmp_path / "out")
    (tmp_path / "out" / "test_00001.mp4").unlink()
    assert job(clips, tmp_path / "out").digest() == manifest.digest()
    again = states(tmp_path / "out")
    assert {name for name in made if made[name] != again[name]} == {"test_00001.mp4"}
    assert "7 of 8 videos were there already" in capsys.readouterr().out


@pytest.mark.usefixtures("ray_cluster")
def test_the_same_seed_gives_the_same_bytes_and_another_one_another_dataset(clips, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        job(clips, tmp_path / name, train_videos=2, validation_videos=0, test_videos=0, seed=seed)
    contents = {
        name: [(tmp_path / name / f"train_{i:05d}.mp4").read_bytes() for i in (0, 1)] for name in "abc"
    }
    assert contents["a"] == contents["b"]
    assert contents["a"] != contents["c"]


@pytest.mark.usefixtures("ray_cluster")
def test_a_clip_that_stalls_its_reader_after_it_was_checked_ends_the_job(clips, tmp_path, monkeypatch):
    monkeypatch.setenv(STALL_VARIABLE, "1")
    config = CompositeConfig(filler=("nothing",), train_videos=1, validation_videos=0, test_videos=0, size=32)
    listing = list_clips(clips, config)
    checked, _ = check_clips(listing, fps=12, longest_seconds=60, watch=lambda done, total: None)
    with silent_server() as address:
        gone = [replace(clip, path=address) for clip in checked]
        with pytest.raises(VideoError, match=r"a clip of .*train_00000\.mp4: stalls the process"):
            make_composites(
                gone,
                plan_composites(gone, config),
                config,
                tmp_path / "out",
                classes=("blue", "red"),
                watch=lambda done, total: None,
            )


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    handler = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", ["prepare", "composites", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            run_job(PrepareConfig, prepare, about="prepare")
        assert stop.value.code == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "Traceback" not in line
        return line

    yield run
    signal.signal(signal.SIGTERM, handler)


def test_no_filler_class(refused, clips, tmp_path):
    line = refused("--clips", clips, "--output", tmp_path / "out", "--filler", "grey")
    assert "no clips of the filler class 'grey'; there are blue, nothing, red" in line


def test_no_such_folder(refused, tmp_path):
    line = refused("--clips", tmp_path / "gone", "--output", tmp_path / "out", "--filler", "nothing")
    assert f"{tmp_path / 'gone'}: no such folder" in line


def test_an_empty_class(refused, put_clips_in, tmp_path):
    root = put_clips_in("nothing/a.mp4", "red/a.mp4", "blue/")
    line = refused("--clips", root, "--output", tmp_path / "out", "--filler", "nothing")
    assert "no clips in blue" in line


@pytest.mark.usefixtures("ray_cluster")
def test_not_enough_clips(refused, put_clips_in, tmp_path):
    root = put_clips_in(*(f"{name}/{i}.mp4" for name in ("nothing", "red", "blue") for i in range(3)))
    os.truncate(root / "blue" / "1.mp4", 100)
    line = refused("--clips", root, "--output", tmp_path / "out", "--filler", "nothing")
    assert "not enough clips: blue has none for" in line


def test_an_output_inside_the_clips(refused, clips):
    line = refused("--clips", clips, "--output", clips / "out", "--filler", "nothing")
    assert "lies inside" in line
    assert not (clips / "out").exists()


@pytest.fixture
def put_clips_in(tmp_path: Path) -> Callable[..., Path]:
    """Write small clips, each different, at these places; a name that ends with / is an empty folder."""

    def put(*names: str) -> Path:
        for number, name in enumerate(names):
            place = tmp_path / "small" / name
            if name.endswith("/"):
                place.mkdir(parents=True)
            else:
                kind = {**KINDS[0], "name": place.name}
                write_clip(place.parent, COLOURS["blue"], kind, shade=4 * number)
        return tmp_path / "small"

    return put


@pytest.fixture
def table_of_clips(clips: Path) -> Path:
    """A table of the readable clips beside them: each file name is a source, in a fold of its own."""
    file = clips / "clips.csv"
    names = [kind["name"] for kind in KINDS]
    rows = [
        f"{label}/{name},{label},{name},{number}" for label in COLOURS for number, name in enumerate(names)
    ]
    file.write_text("\n".join(["path,label,source,fold", *rows]) + "\n")
    return file


@pytest.mark.usefixtures("ray_cluster")
def test_composites_of_a_table_keep_sources_apart(table_of_clips, tmp_path):
    few = {"train_videos": 2, "validation_videos": 2, "test_videos": 2, "min_seconds": 4, "max_seconds": 6}
    config = PrepareComposites(
        clips_table=table_of_clips,
        fold_column="fold",
        folds=6,
        fold=5,
        output=tmp_path / "out",
        filler=("nothing",),
        size=32,
        fps=8,
        **few,
    )
    prepare(config)
    fed = pq.read_table(tmp_path / "out" / "clips.parquet").to_pylist()
    splits = {Path(clip["clip_id"]).name: clip["split"] for clip in fed}
    assert splits == {
        "a.mp4": "validation",
        "f.mp4": "test",
        **dict.fromkeys(("b.avi", "c.mp4", "d.webm", "e.mp4"), "train"),
    }


@pytest.mark.usefixtures("ray_cluster")
def test_composites_follow_a_script(table_of_clips, tmp_path):
    segments = [("SIL", 0, 30), ("egg", 30, 60), ("stir", 60, 90), ("milk", 90, 120)]
    rows = [
        f"v{person},P{person},breakfast{person % 2},{start},{end},{action}"
        for person in range(6)
        for action, start, end in segments
    ]
    (tmp_path / "script.csv").write_text(
        "\n".join(["video,person,activity,start_frame,end_frame,action", *rows]) + "\n"
    )
    (tmp_path / "words.csv").write_text("action,clip_class\negg,red\nmilk,blue\n")
    config = PrepareComposites(
        clips_table=table_of_clips,
        output=tmp_path / "out",
        filler=("nothing",),
        script=tmp_path / "script.csv",
        words=tmp_path / "words.csv",
        test_persons=("P4",),
        size=32,
        fps=8,
    )
    manifest = prepare(config)
    assert manifest.classes == ("breakfast0", "breakfast1")
    assert [row["video_id"] for row in manifest.split("test").table.to_pylist()] == ["v4"]
    for row, path in zip(manifest.table.to_pylist(), manifest.resolved_paths(), strict=True):
        frames = shown(path)
        assert len(frames) == pytest.approx(8 * 8, abs=4)
        assert [frames[round(second * 8)] for second in (1, 3, 5, 7)] == [
            "nothing",
            "red",
            "nothing",
            "blue",
        ]
        assert len(row["intervals"]) == 2


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ([], "give either --clips, a folder of clips, or --clips-table"),
        (["--clips", "a", "--clips-table", "b.csv"], "give either --clips"),
        (["--clips", "a", "--script", "s.csv"], "--script and --words go together"),
        (["--clips", "a", "--fold", "1"], "--fold does nothing without --clips-table"),
        (["--clips", "a", "--test-persons", "P1"], "--test-persons does nothing without --script"),
        (
            ["--clips", "a", "--script", "s", "--words", "w", "--evidence-share", "0.2"],
            "--evidence-share does nothing beside --script",
        ),
    ],
)
def test_options_that_do_not_go_together(refused, tmp_path, options, line):
    assert line in refused("--output", tmp_path / "out", "--filler", "nothing", *options)
