"""The job on real files in the layouts of the datasets, over a real Ray: what it writes and what it says."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.public_reports.odd_names import FRAMES, NAMES, write_odd_films
from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.index_parts import IndexParts
from epitoma.datasets.manifest import read_manifest
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.video.compose import write_video
from ray_jobs.parts.options import parse
from ray_jobs.prepare import (
    PrepareBreakfast,
    PrepareCharades,
    PrepareConfig,
    PrepareFolder,
    PrepareSynthetic,
    PrepareTable,
    prepare,
)
from tests.video.range_server import RangeServer, refuse, serving

Put = Callable[..., None]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A second of video in the containers of the datasets."""
    folder = tmp_path_factory.mktemp("clips")
    frames = np.random.default_rng(0).integers(0, 256, (15, 48, 64, 3), dtype=np.uint8)
    write_video(folder / "a.avi", frames, fps=15, codec="mpeg4")
    write_video(folder / "a.mp4", frames, fps=15)
    return {".avi": folder / "a.avi", ".mp4": folder / "a.mp4"}


@pytest.fixture
def put(clips: dict[str, Path]) -> Put:
    """Put the clip under names below a folder, as links that take no time and no space."""

    def link(root: Path, *names: str) -> None:
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(clips[Path(name).suffix], root / name)

    return link


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_no_file_of_a_folder_disappears(ray_cluster, tmp_path, capsys):
    """What FFmpeg opens is taken whatever its name, and everything else is a reject or is counted."""
    root, out = tmp_path / "in", tmp_path / "out"
    write_odd_films(root / "tea")
    shutil.copyfile(root / "tea" / "bare", put_in(root / "coffee" / "film.mp4"))
    put_in(root / "papers" / "contract").write_text("no film, and no suffix that says so")
    put_in(root / "coffee" / "broken.wmv").write_bytes(b"no film")
    put_in(root / "coffee" / "notes.txt").write_text("no film")
    manifest = prepare(PrepareFolder(root=root, output=out))
    assert set(manifest.video_ids) == {"coffee/film.mp4", *(f"tea/{name}" for name in NAMES)}
    assert set(manifest.table["frame_count"].to_pylist()) == {FRAMES}
    assert manifest.classes == ("coffee", "tea")
    rejects = {row["video_id"]: row["reason"] for row in pq.read_table(out / "rejects.parquet").to_pylist()}
    assert set(rejects) == {"papers/contract", "coffee/broken.wmv"}
    assert all(rejects.values())
    lines = told(capsys)
    assert "not taken for videos: 1 .txt" in lines
    assert "left out: 2 (each with its reason in rejects.parquet)" in lines

    # Storage that was away is back.
    shutil.copyfile(root / "tea" / "old.wmv", root / "coffee" / "broken.wmv")
    assert "coffee/broken.wmv" in prepare(PrepareFolder(root=root, output=out)).video_ids
    assert pq.read_table(out / "rejects.parquet")["video_id"].to_pylist() == ["papers/contract"]


def put_in(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_breakfast_of_all_persons(ray_cluster, put, tmp_path, capsys):
    root = tmp_path / "in" / "BreakfastII_15fps_qvga_sync"
    persons = [f"P{number:02d}" for number in range(3, 55)]
    put(root, *(f"{person}/cam01/{person}_tea.avi" for person in persons))
    put(root, *(f"{person}/stereo/{person}_milk_ch{i}.avi" for person in persons[::4] for i in (0, 1)))
    (root / "P05/webcam01").mkdir()
    (root / "P05/webcam01/P05_juice.avi").touch()
    (root / "P05/cam01/P05_tea.labels").write_text("1 15 pour")
    manifest = prepare(PrepareBreakfast(root=tmp_path / "in", output=tmp_path / "out"))
    rows = read_manifest(tmp_path / "out" / "manifest.parquet").table.to_pylist()
    assert len(manifest) == len(rows) == 52 + 13
    assert (manifest.classes[0], manifest.classes[-1]) == ("cereals", "tea")
    splits = {(row["video_id"][:3], row["split"]) for row in rows}
    assert len(splits) == 52
    assert {person for person, split in splits if split == "test"} == set(persons[44:])
    assert {(row["frame_count"], row["fps"]) for row in rows} == {(15, 15.0)}
    reasons = Counter(
        row["reason"] for row in pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()
    )
    assert reasons == {
        "is the second channel of a stereo video, of which ch0 alone is used": 13,
        "the file is empty": 1,
    }
    said = told(capsys)
    assert "train and validation: 55 videos, which differs from the 1357 published: 1302 fewer" in said
    assert "test: 10 videos, which differs from the 355 published: 345 fewer" in said
    assert "stereo videos for train: 11, published 248" in said
    assert any(line.startswith("13  is the second channel") and line.endswith("and 12 more") for line in said)
    assert f"1  the file is empty: {root}/P05/webcam01/P05_juice.avi" in said
    whole = (tmp_path / "out" / "report.txt").read_text()
    assert all(f"{person}/stereo/{person}_milk_ch1.avi" in whole for person in persons[::4])


def test_charades(ray_cluster, put, tmp_path, capsys):
    root = tmp_path / "in"
    train = [(f"A{i:02d}", f"S{i % 20}", f"c{i:03d} 0.10 0.50;c156 0.80 7.50") for i in range(40)]
    test = [("B00", "T1", "c003 0.20 0.60"), ("B01", "T2", ""), ("B02", "T2", "c004 0 1")]
    put(root / "Charades_v1_480", *(f"{video_id}.mp4" for video_id, *_ in train + test[:2]))
    for split, rows in (("train", train), ("test", test)):
        with (root / f"Charades_v1_{split}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "subject", "actions", "length"])
            writer.writerows([*row, "1.00"] for row in rows)
    manifest = prepare(PrepareCharades(root=root, output=tmp_path / "out"))
    assert manifest.multi_label
    assert manifest.has_intervals
    assert len(manifest.classes) == 157
    assert Counter(manifest.table["split"].to_pylist())["test"] == 1
    assert len(manifest) == 41
    first = manifest.only(["A07"]).table.to_pylist()[0]
    assert first["labels"] == ["c007", "c156"]
    assert [(i["start_seconds"], i["end_seconds"], i["label"]) for i in first["intervals"]] == [
        (0.1, 0.5, "c007"),
        (0.8, 1.0, "c156"),
    ]
    said = told(capsys)
    assert "1 videos for test have no actions: left out (--unlabelled official)" in said
    assert "40 intervals reach past their video's ends and were cut there" in said
    assert "test: 1 videos, which differs from the 1863 published: 1862 fewer" in said
    assert f"1  no such file: {root}/Charades_v1_480/B02.mp4" in said
    assert any(line.startswith("test has no video of c000, c001") for line in said)
    assert "and 137 more classes" in said


def test_a_table_of_files_and_addresses(ray_cluster, put, clips, tmp_path, serve):
    good, bad = serve(clips[".mp4"].read_bytes()), serve(b"")
    bad.answer = refuse(404)
    put(tmp_path, "videos/a.mp4", "videos/b.avi")
    lines = ["path,labels,split", "videos/a.mp4,tea;milk,train", "videos/b.avi,,val"]
    lines += [f"{good.address}/c.mp4?token=hidden,milk,test", f"{bad.address}/d.mp4?token=hidden,milk,test"]
    (tmp_path / "set.csv").write_text("\n".join(lines) + "\n")
    config = PrepareTable(file=tmp_path / "set.csv", separator=";", output=tmp_path / "out")
    with pytest.raises(ManifestError, match=r"2 of 4 videos lie outside .* --allow") as refusal:
        prepare(config)
    assert "hidden" not in str(refusal.value)
    assert good.requests == bad.requests == 0
    config = replace(config, allow=(f"{good.address}/", f"{bad.address}/"))
    manifest = prepare(config)
    assert [(row["path"], row["split"], row["labels"]) for row in manifest.table.to_pylist()] == [
        (str(tmp_path / "videos/a.mp4"), "train", ["tea", "milk"]),
        (str(tmp_path / "videos/b.avi"), "validation", []),
        (f"{good.address}/c.mp4?token=hidden", "test", ["milk"]),
    ]
    (reject,) = pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()
    assert "404" in reject["reason"]
    assert "hidden" not in "".join(reject.values())
    assert read_manifest(manifest.path).video_ids[2] == f"{good.address}/c.mp4?token=..."
    asked = good.requests
    assert prepare(config).table.equals(manifest.table)
    assert good.requests == asked


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], RangeServer]]:
    with serving() as start:
        yield start


@pytest.mark.jobs
@pytest.mark.long
def test_a_job_that_was_killed_goes_on_where_it_stopped(put, tmp_path, capsys):
    put(tmp_path / "in", *(f"{label}/{i}.mp4" for label in ("tea", "milk") for i in range(500)))
    command = [sys.executable, "-m", "ray_jobs.prepare", "folder", "--root", tmp_path / "in"]
    killed = subprocess.Popen([*command, "--output", tmp_path / "out"], stdout=subprocess.DEVNULL)
    parts = IndexParts(tmp_path / "out" / "index_parts")
    deadline = time.monotonic() + 300
    while not list(parts.folder.glob("[!.]*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    known = len(parts.states())
    assert 0 < known < 1000
    manifest = prepare(PrepareFolder(root=tmp_path / "in", output=tmp_path / "out"))
    assert len(manifest) == 1000
    assert f"{known} videos were indexed before" in told(capsys)


def test_synthetic_videos_are_made_once(ray_cluster, tmp_path, capsys):
    dataset = SyntheticConfig(
        train_videos=2,
        validation_videos=1,
        test_videos=1,
        min_seconds=10,
        max_seconds=12,
        evidence_share=0.3,
        size=32,
    )
    config = PrepareSynthetic(output=tmp_path, dataset=dataset)
    manifest = prepare(config)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert {"manifest.parquet", "index.parquet", "synthetic.json"} <= {path.name for path in written}
    assert prepare(config).table.equals(manifest.table)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written
    assert "2 train, 1 validation, 1 test, 10 classes" in told(capsys)[-1]
    prepare(replace(config, dataset=replace(dataset, seed=1)))
    assert {path: path.stat().st_mtime_ns for path in written} != written


def test_the_source_is_never_written_into(put, tmp_path):
    put(tmp_path / "in", "tea/a.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for output in (tmp_path / "in", tmp_path / "in" / "data", tmp_path / "link" / "data"):
        with pytest.raises(ConfigError, match="which is only read: choose another folder"):
            prepare(PrepareFolder(root=tmp_path / "in", output=output))
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["tea"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["folder", "--root", "a", "--output", "b"], PrepareFolder(root=Path("a"), output=Path("b"))),
        (
            ["table", "--file", "a.csv", "--output", "b", "--separator", ";", "--group-column", "who"],
            PrepareTable(file=Path("a.csv"), output=Path("b"), separator=";", group_column="who"),
        ),
        (
            ["breakfast", "--root", "a", "--output", "b", "--vis4mer-exclusions", "--validation-share", "0"],
            PrepareBreakfast(root=Path("a"), output=Path("b"), vis4mer_exclusions=True, validation_share=0),
        ),
        (
            ["charades", "--root", "a", "--output", "b", "--unlabelled", "keep"],
            PrepareCharades(root=Path("a"), output=Path("b"), unlabelled="keep"),
        ),
        (["synthetic", "--output", "b"], PrepareSynthetic(output=Path("b"))),
    ],
)
def test_every_kind_of_dataset_has_its_subcommand(arguments, expected):
    assert parse(PrepareConfig, arguments, about="") == expected


def test_a_config_file_belongs_to_a_subcommand(tmp_path):
    file = tmp_path / "c.json"
    file.write_text('{"root": "a", "output": "b", "seed": 3}')
    expected = PrepareFolder(root=Path("a"), output=Path("b"), seed=3)
    assert parse(PrepareConfig, ["folder", "--config", str(file)], about="") == expected
    changed = parse(PrepareConfig, ["folder", "--config", str(file), "--seed", "4"], about="")
    assert changed == PrepareFolder(root=Path("a"), output=Path("b"), seed=4)
    with pytest.raises(ConfigError, match=r"--config needs one of folder, table, breakfast, .* before it"):
        parse(PrepareConfig, ["--config", str(file)], about="")
    with pytest.raises(ConfigError, match="Expected one of"):
        parse(PrepareConfig, ["tables"], about="")
