"""A manifest reaches its own folder and what was given, by no path, link or address anything else."""

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.datasets.manifest import Manifest, VideoRow, read_manifest, write_manifest
from epitoma.datasets.schema import to_table
from epitoma.files.allowed_roots import BOUND, Roots, bound, roots_beside, write_roots
from tests.lost_storage import lost_storage


def row(path: str, name: str = "v") -> VideoRow:
    return VideoRow(
        video_id=name,
        path=path,
        split="train",
        labels=("tea",),
        duration_seconds=10.0,
        fps=8.0,
        frame_count=80,
    )


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """A folder `set` for the manifest, and beside it a folder `secret` and one whose name only begins alike."""
    for name in ("set/a.mp4", "secret/s.mp4", "setting/s.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def read(places: Path, *paths: str) -> Manifest:
    """Read a manifest in `set` that names these videos."""
    rows = [row(path, f"v{number}") for number, path in enumerate(paths)]
    write_manifest(places / "set/m.parquet", rows, classes=["tea"], multi_label=False)
    return read_manifest(places / "set/m.parquet", check_files=False)


def refusal(places: Path, *paths: str) -> str:
    with pytest.raises(ManifestError) as refused:
        read(places, *paths)
    return str(refused.value)


def test_its_own_folder_is_a_manifests(places):
    manifest = read(
        places,
        "a.mp4",
        str(places / "set/a.mp4"),
        (places / "set/a.mp4").as_uri(),
        "sub/../a.mp4",
        "odd://a.mp4"[3:],
    )
    assert manifest.video_ids == ["v0", "v1", "v2", "v3", "v4"]


@pytest.mark.parametrize(
    "path",
    [
        "../secret/s.mp4",
        "../setting/s.mp4",
        "sub/../../secret/s.mp4",
        "..",
        "sub/../..",
        "{}/secret/s.mp4",
        "{}/set/../secret/s.mp4",
        "file://{}/secret/s.mp4",
        "FILE://{}/secret/s.mp4",
        "file://{}/set/%2e%2e/secret/s.mp4",
        "file://localhost{}/secret/s.mp4",
        "./://../../secret/s.mp4",
        "\0",
        "http://127.0.0.1/s.mp4",
        "http://169.254.169.254/latest/meta-data/",
        "https://host/s.mp4",
        "s3://bucket/s.mp4",
        "concat://a.mp4",
    ],
)
def test_everything_else_is_not(places, path):
    said = refusal(places, "a.mp4", path.format(places))
    assert "1 of 2 videos lie outside the folders that may be read; the first is v1 at" in said
    assert "prepare the dataset with --allow" in said
    assert str(places / "set/roots.json") in said


def test_links_count_by_where_they_lead(places):
    (places / "set/out.mp4").symlink_to(places / "secret/s.mp4")
    (places / "set/folder").symlink_to(places / "secret")
    (places / "set/in.mp4").symlink_to("a.mp4")
    (places / "set/loop").symlink_to("loop")
    (places / "set/nowhere").symlink_to(places / "gone/s.mp4")
    read(places, "in.mp4", "loop/a.mp4")
    for path in ("out.mp4", "folder/s.mp4", "folder/../secret/s.mp4", "nowhere"):
        said = refusal(places, path)
        assert f"which leads to {places}/" in said
    assert "--allow" in said
    assert f"{places}/gone" in said


def test_a_set_may_itself_lie_behind_a_link(places):
    (places / "link").symlink_to("set")
    read(places, "a.mp4")
    manifest = read_manifest(places / "link/m.parquet")
    assert manifest.resolved_paths() == [str(places / "link/a.mp4")]


def test_what_was_given_at_preparation_may_be_read_and_nothing_else(places):
    (places / "set/out.mp4").symlink_to(places / "secret/s.mp4")
    write_roots(
        places / "set", Roots.given([places / "secret", "https://host/data/", "s3://bucket"], source="x")
    )
    good = ["../secret/s.mp4", "out.mp4", "https://HOST/data/a%20b.mp4?sig=x", "s3://bucket/any/a.mp4"]
    read(places, *good)
    bad = [
        "../setting/s.mp4",
        "https://host/database/a.mp4",
        "https://host/data/../a.mp4",
        "https://host/data/%2e%2e/a.mp4",
        "https://host/data/..%2fa.mp4",
        "https://host/data/..\\a.mp4",
        "https://host:8443/data/a.mp4",
        "https://host@evil/data/a.mp4",
        "https://host.evil/data/a.mp4",
        "https://evil/https://host/data/a.mp4",
        "http://host/data/a.mp4",
        "s3://bucket2/a.mp4",
        "s3://bucket/a.mp4?endpoint_override=evil",
        "s3://bucket/a#/../../b.mp4",
        "s3://Bucket/a.mp4",
        "https://[host/data/a.mp4",
        "https:///data/a.mp4",
    ]
    for path in bad:
        assert "1 of 2 videos" in refusal(places, "a.mp4", path), path


def test_the_error_says_what_to_do_and_no_secret(places):
    said = refusal(
        places, "a.mp4", "https://me:hush@host/x/a.mp4?token=hush", "../secret/s.mp4", "s3://b/c/d.mp4"
    )
    assert said.startswith(f"{places}/set/m.parquet: 3 of 4 videos lie outside")
    assert "the first is v1 at 'https://...@host/x/a.mp4?token=...'" in said
    assert f"--allow {places}/secret --allow https://...@host/ --allow s3://b/" in said
    assert "hush" not in said
    assert "\n" not in said


def test_what_the_error_says_helps(places):
    said = refusal(places, "../secret/s.mp4", "s3://b/c/d.mp4")
    (places / "set/roots.json").write_text(said[said.index(" say {") + len(" say ") :])
    assert read(places, "../secret/s.mp4", "s3://b/c/d.mp4").video_ids == ["v0", "v1"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"roots": "/"}', '{"roots": [1]}'])
def test_a_file_of_roots_that_is_none(places, text):
    (places / "set/roots.json").write_text(text)
    assert "roots.json: must look like" in refusal(places, "a.mp4")


def test_an_administrator_bounds_it_all(places, monkeypatch):
    write_roots(places / "set", Roots((str(places / "secret"), "s3://bucket/")))
    monkeypatch.setenv(BOUND, f"{places}/set, s3://bucket/mine")
    read(places, "a.mp4", "s3://bucket/mine/a.mp4")
    for path in ("../secret/s.mp4", "s3://bucket/a.mp4"):
        said = refusal(places, path)
        assert f"EPITOMA_ROOTS lets nothing in but {places}/set, s3://bucket/mine: ask who set it" in said
    monkeypatch.setenv(BOUND, str(places / "setting"))
    assert "EPITOMA_ROOTS" in refusal(places, "a.mp4")
    monkeypatch.setenv(BOUND, str(places))
    assert "--allow" in refusal(places, "../setting/s.mp4"), "a bound gives nothing by itself"


@pytest.mark.parametrize(
    "places_given", ["data", "/gone", "s3://", "https://host/a?b=c", "file://elsewhere/x"]
)
def test_a_bound_that_makes_no_sense_lets_nothing_be_read(places, monkeypatch, places_given):
    monkeypatch.setenv(BOUND, f"{places},{places_given}")
    with pytest.raises(ConfigError, match=BOUND):
        read(places, "a.mp4")


@pytest.mark.parametrize("nothing", ["", " ", ","])
def test_an_empty_bound_is_none(monkeypatch, nothing):
    monkeypatch.setenv(BOUND, nothing)
    assert bound() is None


def test_a_root_of_everything_and_a_file_address(places):
    assert Roots(("/",)).hold([str(places / "secret/s.mp4")]).all()
    given = Roots.given([(places / "secret").as_uri()], source="x")
    assert given.places == (str(places / "secret"),)
    assert given.hold([(places / "secret/s.mp4").as_uri()]).all()
    assert Roots(("hdfs:///data/",)).hold(["hdfs:///data/a.mp4", "hdfs:///other/a.mp4"]).tolist() == [
        True,
        False,
    ]


def test_a_folder_is_looked_at_once_however_many_videos_lie_in_it(places, monkeypatch):
    for number in range(100):
        os.mkdir(places / f"set/{number:03d}")
    names = np.arange(20_000)
    paths = np.char.add(np.char.add(np.char.zfill((names % 100).astype(str), 3), "/"), names.astype(str))
    one = to_table([row("a.mp4")], classes=["tea"], multi_label=False)
    table = one.take(pa.array(np.zeros(len(names), np.int64)))
    table = table.set_column(0, one.schema.field("video_id"), pa.array(names.astype(str)))
    table = table.set_column(1, one.schema.field("path"), pa.array(paths))
    pq.write_table(table, places / "set/m.parquet")
    manifest = read_manifest(places / "set/m.parquet", check_files=False)
    resolved = manifest.resolved_paths()
    looks = Counter()
    for name in ("stat", "lstat", "readlink", "scandir"):
        monkeypatch.setattr(os, name, counted(looks, name))
    assert Roots((str(places / "set"),)).hold(resolved).all()
    # For each of 100 folders: its entries, and where each part of its path leads.
    assert looks["scandir"] == 100
    assert sum(looks.values()) < 100 * 20 < len(names)


def test_a_folder_of_file_addresses_is_listed_once_too(places, monkeypatch):
    looks = Counter()
    monkeypatch.setattr(os, "scandir", counted(looks, "scandir"))
    addresses = [(places / f"set/{number}.mp4").as_uri() for number in range(100)]
    assert Roots((str(places / "set"),)).hold(addresses).all()
    assert looks["scandir"] == 1


def test_in_a_folder_that_cannot_be_listed_each_name_is_checked(places, monkeypatch):
    (places / "set/out.mp4").symlink_to(places / "secret/s.mp4")

    def refused(path):
        raise PermissionError(path)

    monkeypatch.setattr(os, "scandir", refused)
    paths = [f"{places}/set/{name}" for name in ("a.mp4", "out.mp4", "..", ".")]
    assert Roots((str(places / "set"),)).hold(paths).tolist() == [True, False, False, True]


def test_a_file_in_the_root_directory_lies_in_no_other(places, monkeypatch):
    monkeypatch.chdir(places / "set")
    assert not Roots((str(places / "set"),)).hold(["/s.mp4"]).any()
    assert Roots(("/",)).hold(["/s.mp4"]).all()


def test_the_address_of_a_root_lets_in_no_neighbour(places):
    for paths in (["s3://b/mine", "s3://b/other"], ["s3://b/other", "s3://b/mine"]):
        held = dict(zip(paths, Roots(("s3://b/mine/",)).hold(paths).tolist(), strict=True))
        assert held == {"s3://b/mine": True, "s3://b/other": False}


def counted(looks: Counter, name: str):
    """A function of ``os`` that counts its calls."""
    real = getattr(os, name)

    def call(*arguments, **options):
        looks[name] += 1
        return real(*arguments, **options)

    return call


def test_roots_are_kept_as_json(places):
    write_roots(places, Roots.given(["s3://bucket/", places / "set", places / "set"], source="x"))
    assert json.loads((places / "roots.json").read_text()) == {"roots": ["s3://bucket/", str(places / "set")]}


def test_storage_that_fails_is_not_taken_for_one_without_the_folder(places):
    with lost_storage(places / "away") as folder:
        with pytest.raises(OSError, match="not connected"):
            Roots.given([folder / "videos"], source="--allow")
        with pytest.raises(OSError, match="not connected"):
            roots_beside(folder / "m.parquet")
