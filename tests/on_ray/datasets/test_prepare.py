"""Real files indexed over a real Ray: what is written, what is left alone, and what is never done twice."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from epitoma.core.errors import ManifestError
from epitoma.datasets.folder import FolderConfig, list_folder
from epitoma.datasets.listing import ListedVideo, Listing
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.datasets.rejects import Reject
from epitoma.datasets.schema import Interval
from epitoma.files.allowed_roots import Roots
from epitoma.on_ray.datasets.prepare import Prepared, index_listing, make_synthetic
from epitoma.on_ray.decode.indexing import VIDEOS_PER_TASK
from epitoma.video.compose import write_video
from epitoma.video.index import index_video
from epitoma.video.index_table import StoredIndices
from tests.tiny import tiny


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Seventy videos of two classes, of two lengths, and two files that are none."""
    root = tmp_path_factory.mktemp("source")
    rng = np.random.default_rng(0)
    for label, count in (("tea", 12), ("milk", 20)):
        (root / label).mkdir()
        clip = root.parent / f"{label}.mp4"
        write_video(clip, rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8), fps=15)
        for number in range(35):
            shutil.copyfile(clip, root / label / f"{number:02d}.mp4")
    (root / "tea" / "empty.mp4").touch()
    (root / "milk" / "text.avi").write_text("no video " * 100)
    return root


@pytest.fixture(scope="module")
def listing(source) -> Listing:
    return list_folder(FolderConfig(root=source))


def index(listing: Listing, output: Path, watch=lambda done, total: None) -> Prepared:
    folders = {str(Path(video.path).parent) for video in listing.videos}
    return index_listing(listing, output, roots=Roots(tuple(folders)), watch=watch)


def check_indices(manifest: Manifest) -> None:
    indices = StoredIndices.beside(manifest.path).only(manifest.table["video_id"])
    for video_id, path in zip(manifest.video_ids, manifest.resolved_paths(), strict=True):
        known, read = indices.get(video_id), index_video(path)
        assert known is not None
        assert np.array_equal(known.pts, read.pts)
        assert np.array_equal(known.keyframes, read.keyframes)
        assert (known.fps, known.time_base) == (read.fps, read.time_base)


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    status = {str(path): path.stat() for path in (folder, *folder.rglob("*"))}
    return {path: (found.st_size, found.st_mtime_ns) for path, found in status.items()}


def test_manifest_index_and_rejects_are_written_and_the_source_is_left_alone(
    ray_cluster, listing, source, tmp_path
):
    before = contents(source)
    seen = []
    prepared = index(listing, tmp_path / "out", lambda done, total: seen.append((done, total)))
    assert contents(source) == before
    assert (seen[-1], prepared.indexed, prepared.notes) == ((72, 72), 72, [])
    manifest = read_manifest(tmp_path / "out" / "manifest.parquet")
    assert manifest.table.equals(prepared.manifest.table)
    assert len(manifest) == 70
    assert manifest.video_ids == [v.video_id for v in listing.videos if v.path.endswith(".mp4")][:-1]
    assert {row["frame_count"] for row in manifest.table.to_pylist() if row["labels"] == ["milk"]} == {20}
    check_indices(manifest.only(manifest.video_ids[::10]))
    rejects = pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()
    assert [Reject(**row) for row in rejects] == prepared.rejects
    reasons = {row["video_id"]: (row["path"], row["reason"].split(" (")[0]) for row in rejects}
    assert reasons == {
        "tea/empty.mp4": (str(source / "tea/empty.mp4"), "the file is empty"),
        "milk/text.avi": (str(source / "milk/text.avi"), "cannot be read as a video"),
    }


def test_what_was_cut_off_goes_on_where_it_stopped(ray_cluster, listing, tmp_path):
    def stop(done: int, total: int) -> None:
        if done >= 2 * VIDEOS_PER_TASK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index(listing, tmp_path, stop)
    assert not (tmp_path / "manifest.parquet").exists()
    seen = []
    prepared = index(listing, tmp_path, lambda done, total: seen.append(total))
    # Of the 32 that were done at least 30 can be read; the other two are tried again.
    assert set(seen) == {prepared.indexed}
    assert 72 - 2 * VIDEOS_PER_TASK <= prepared.indexed <= 72 - 2 * VIDEOS_PER_TASK + 2
    whole = index(listing, tmp_path / "at_once")
    assert prepared.manifest.table.equals(whole.manifest.table)
    again = pq.read_table(tmp_path / "index.parquet")
    assert again.equals(pq.read_table(tmp_path / "at_once" / "index.parquet"))


def test_only_new_and_changed_files_are_indexed_again(ray_cluster, source, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(source, root)
    first = index(list_folder(FolderConfig(root=root)), tmp_path / "out")
    assert first.indexed == 72
    (root / "tea" / "empty.mp4").unlink()
    (root / "milk" / "text.avi").unlink()
    other_options = list_folder(FolderConfig(root=root, seed=5))
    assert index(other_options, tmp_path / "out").indexed == 0
    shutil.copyfile(root / "milk" / "00.mp4", root / "tea" / "03.mp4")
    shutil.copyfile(root / "milk" / "00.mp4", root / "tea" / "new.mp4")
    (root / "tea" / "04.mp4").unlink()
    changed = index(list_folder(FolderConfig(root=root)), tmp_path / "out")
    assert changed.indexed == 2
    counts = dict(
        zip(changed.manifest.video_ids, changed.manifest.table["frame_count"].to_pylist(), strict=True)
    )
    assert (counts["tea/03.mp4"], counts["tea/new.mp4"], counts["tea/02.mp4"]) == (20, 20, 12)
    assert "tea/04.mp4" not in counts
    check_indices(changed.manifest.only(["tea/03.mp4", "tea/02.mp4"]))


def test_intervals_are_fitted_and_labels_and_rejects_of_the_source_kept(ray_cluster, source, tmp_path):
    def interval(start: float, end: float) -> Interval:
        return Interval(start_seconds=start, end_seconds=end, label="stir")

    known = Reject("b", "/b.mp4", "no such file")
    video = ListedVideo(
        video_id="a",
        path=str(source / "tea" / "00.mp4"),
        labels=("stir", "pour"),
        split="test",
        intervals=(interval(0.2, 5), interval(7, 8)),
    )
    listing = Listing(
        videos=(video, replace(video, video_id="none", path=str(source / "milk" / "00.mp4"), labels=())),
        classes=("pour", "stir"),
        multi_label=True,
        rejects=(known,),
        notes=("a note",),
    )
    prepared = index(listing, tmp_path)
    assert (prepared.manifest.classes, prepared.manifest.multi_label) == (("pour", "stir"), True)
    assert prepared.manifest.label_matrix().tolist() == [[1, 1], [0, 0]]
    assert prepared.manifest.table["intervals"][0].as_py() == [vars(interval(0.2, 0.8))]
    assert prepared.rejects == [known]
    assert prepared.notes[0] == "a note"
    assert [note.split()[0] for note in prepared.notes[1:]] == ["2", "2"]


def test_no_video_can_be_used(ray_cluster, tmp_path):
    (tmp_path / "source" / "tea").mkdir(parents=True)
    (tmp_path / "source" / "tea" / "empty.mp4").touch()
    listing = list_folder(FolderConfig(root=tmp_path / "source"))
    with pytest.raises(
        ManifestError, match=r"none of 1 videos can be used \(one of them: .*the file is empty"
    ):
        index(listing, tmp_path / "out")
    assert pq.read_table(tmp_path / "out" / "rejects.parquet").num_rows == 1
    assert not (tmp_path / "out" / "manifest.parquet").exists()


def test_a_file_that_is_gone_when_its_turn_comes_is_a_reject(ray_cluster, source, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(source, root)
    listing = list_folder(FolderConfig(root=root))
    os.unlink(root / "tea" / "05.mp4")
    prepared = index(listing, tmp_path / "out")
    assert ("tea/05.mp4", "no such file") in {(r.video_id, r.reason) for r in prepared.rejects}
    assert len(prepared.manifest) == 69


def test_synthetic_videos_are_indexed_as_they_are_written(ray_cluster, tmp_path):
    config = replace(tiny(), train_videos=3, validation_videos=1, test_videos=1)
    manifest = make_synthetic(config, tmp_path, watch=lambda done, total: None)
    assert read_manifest(tmp_path / "manifest.parquet").table.equals(manifest.table)
    check_indices(manifest)
