"""Naming videos that are to be recognised: folders, patterns, manifests, files, addresses, and nothing outside."""

import os
from pathlib import Path

import pytest

from epitoma.core.errors import ConfigError, ManifestError
from epitoma.core.names import NOT_UTF_8
from epitoma.datasets.manifest import Manifest
from epitoma.datasets.rejects import Reject
from epitoma.datasets.unlabelled import list_unlabelled
from tests.lost_storage import lost_storage


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    for name in (
        "videos/b.mp4",
        "videos/deep/a.mkv",
        "videos/notes.txt",
        "videos/.hidden.mp4",
        "other/c.mp4",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path / "videos"


def ids(source: object, **options) -> list[str]:
    listed = list_unlabelled(str(source), **options)
    assert all(Path(video.path).is_absolute() for video in listed.videos)
    return [video.video_id for video in listed.videos]


def test_a_folder_gives_all_videos_below_it(videos):
    assert ids(videos) == ["b.mp4", "deep/a.mkv"]


def test_every_file_of_a_folder_is_taken_or_counted(videos):
    for name in ("c.MTS", "d", "e.wmv", "f.TXT"):
        (videos / name).write_bytes(b"x")
    assert ids(videos) == ["b.mp4", "c.MTS", "d", "e.wmv", "deep/a.mkv"]
    assert list_unlabelled(str(videos)).note == "not taken for videos: 2 .txt, 1 hidden"


def test_a_pattern_gives_the_files_that_it_names(videos, monkeypatch):
    assert ids(videos / "**" / "*.m*") == ["b.mp4", "deep/a.mkv"]
    assert ids(videos / "deep" / "*") == ["a.mkv"]
    assert ids(videos / "**" / "**" / "*.m*") == ["b.mp4", "deep/a.mkv"]
    monkeypatch.chdir(videos.parent)
    assert ids("*/[bc].mp4") == ["other/c.mp4", "videos/b.mp4"]


@pytest.fixture
def odd(videos: Path) -> list[str]:
    """Names in the folder of what can be no video, and is none of the folders."""
    os.mkfifo(videos / "pipe.mp4")
    (videos / "broken.mp4").symlink_to("nowhere")
    (videos / "loop.mp4").symlink_to("loop.mp4")
    return ["broken.mp4", "loop.mp4", "pipe.mp4"]


def test_what_a_pattern_names_is_taken_whatever_it_is_but_for_folders(videos, odd):
    (videos / "folder.mp4").mkdir()
    assert ids(videos / "*.mp4") == sorted(["b.mp4", *odd])
    assert ids(videos / "**") == sorted(["b.mp4", "deep/a.mkv", "notes.txt", *odd])
    assert ids(videos) == ["b.mp4", *odd, "deep/a.mkv"], "as of a folder"


def test_what_is_named_by_itself_is_taken_whatever_it_is(videos, odd):
    for name in odd:
        assert ids(videos / name) == [name]
    (videos / "away.mp4").symlink_to("/nowhere/a.mp4")
    assert ids(videos / "away.mp4") == ["away.mp4"]


def test_a_link_that_leads_outside_to_nothing_costs_itself(videos):
    """There is nothing to allow: ``--allow`` takes a folder that exists."""
    (videos / "away.mp4").symlink_to("/nowhere/a.mp4")
    for source in (videos, videos / "*.mp4"):
        listed = list_unlabelled(str(source))
        assert "b.mp4" in [video.video_id for video in listed.videos]
        assert listed.rejects == (Reject("away.mp4", f"{videos}/away.mp4", "no such file"),)
    (videos / "link.mp4").symlink_to(videos.parent / "other" / "c.mp4")
    with pytest.raises(ManifestError, match=r"1 of 3 videos .* the first is link\.mp4"):
        list_unlabelled(str(videos))


def test_a_pattern_on_lost_storage_is_not_one_without_videos(tmp_path):
    with lost_storage(tmp_path / "away") as folder, pytest.raises(OSError, match="not connected"):
        list_unlabelled(f"{folder}/*.mp4")


@pytest.mark.parametrize("name", ["[x]", "a*b", "what?", "[!a]"])
def test_the_name_of_a_folder_that_is_there_is_no_pattern(tmp_path, monkeypatch, name):
    for file in (tmp_path / name / "v" / "a.mp4", tmp_path / "x" / "v" / "b.mp4"):
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x")
    monkeypatch.chdir(tmp_path / name)
    assert ids("v/*.mp4") == ["a.mp4"]
    assert ids("*/*.mp4") == ["v/a.mp4"]
    assert ids(tmp_path / name / "v" / "*.mp4") == ["a.mp4"]
    assert ids(tmp_path / name / "**" / "*.mp4") == ["v/a.mp4"]


def test_a_name_that_is_not_utf_8_costs_one_file_and_no_other(videos):
    (videos / os.fsdecode(b"caf\xe9.mp4")).write_bytes(b"x")
    for source in (videos, videos / "*.mp4"):
        listed = list_unlabelled(str(source))
        assert "b.mp4" in [video.video_id for video in listed.videos]
        assert listed.rejects == (Reject("caf\\xe9.mp4", f"{videos}/caf\\xe9.mp4", NOT_UTF_8),)


def test_a_single_file_and_an_address_are_taken_at_their_word(videos):
    assert ids(videos / "b.mp4") == ["b.mp4"]
    (listed,) = list_unlabelled("https://host/folder/d.mp4?token=abc").videos
    assert (listed.video_id, listed.path) == ("d.mp4", "https://host/folder/d.mp4?token=abc")


def test_a_manifest_brings_its_names_and_its_indices(dataset: Manifest):
    listed = list_unlabelled(str(dataset.path))
    assert [video.video_id for video in listed.videos] == dataset.video_ids
    assert [video.path for video in listed.videos] == dataset.resolved_paths()


@pytest.mark.parametrize("source", ["nothing", "*.mp4", "empty"])
def test_where_there_is_nothing_it_is_said(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ManifestError, match="no videos at"):
        list_unlabelled(source)


def test_links_that_lead_outside_are_followed_only_when_asked(videos, monkeypatch):
    other = videos.parent / "other"
    (videos / "link.mp4").symlink_to(other / "c.mp4")
    with pytest.raises(ManifestError, match=f"--allow {other}"):
        list_unlabelled(str(videos))
    assert ids(videos, allow=[str(other)]) == ["b.mp4", "link.mp4", "deep/a.mkv"]
    assert ids(videos / "link.mp4") == ["link.mp4"]
    with pytest.raises(ConfigError, match="--allow: no folder at"):
        list_unlabelled(str(videos), allow=["/no/such/folder"])
    monkeypatch.setenv("EPITOMA_ROOTS", str(videos))
    with pytest.raises(ManifestError, match="EPITOMA_ROOTS lets nothing in"):
        list_unlabelled(str(videos / "link.mp4"))
