import pytest

from epitoma.datasets.manifest import Manifest, write_manifest
from epitoma.datasets.rejects import Reject
from epitoma.datasets.report import report_lines
from epitoma.datasets.schema import VideoRow


@pytest.fixture
def manifest(tmp_path):
    def make(videos: list[tuple[str, tuple[str, ...]]], classes: list[str], **options) -> Manifest:
        rows = [
            VideoRow(
                video_id=f"v{i}",
                path=f"v{i}.mp4",
                split=split,
                labels=labels,
                duration_seconds=1.0,
                fps=8.0,
                frame_count=8,
            )
            for i, (split, labels) in enumerate(videos)
        ]
        return write_manifest(
            tmp_path / "m.parquet", rows, classes=classes, **{"multi_label": False, **options}
        )

    return make


def lines(manifest, rejects=(), *, published=None, shorten=True):
    return report_lines(manifest, rejects, published=published or {}, shorten=shorten)


def test_counts_of_every_class_and_split(manifest):
    videos = [("train", ("tea",))] * 3 + [("test", ("tea",)), ("train", ("milk",)), ("test", ("milk",))]
    assert [line.split() for line in lines(manifest(videos, ["tea", "milk"]))] == [
        ["class", "train", "validation", "test"],
        ["tea", "3", "0", "1"],
        ["milk", "1", "0", "1"],
        ["videos", "4", "0", "2"],
    ]


def test_videos_of_several_labels_and_of_none(manifest):
    videos = [("train", ("tea", "milk")), ("train", ()), ("test", ("tea",))]
    said = lines(manifest(videos, ["tea", "milk"], multi_label=True))
    assert [line.split() for line in said[1:5]] == [
        ["tea", "1", "0", "1"],
        ["milk", "1", "0", "0"],
        ["(no", "label)", "1", "0", "0"],
        ["videos", "2", "0", "1"],
    ]
    assert said[5:] == ["test has no video of milk"]


def test_counts_are_compared_with_the_published_ones(manifest):
    videos = [("train", ("tea",))] * 6 + [("validation", ("tea",))] + [("test", ("tea",))] * 2
    dataset = manifest(videos, ["tea"])
    assert lines(dataset, published={"train": 7, "test": 3})[-2:] == [
        "train and validation: 7 videos, as published",
        "test: 2 videos, which differs from the 3 published: 1 fewer",
    ]
    assert lines(dataset.split("train"), published={"train": 4})[-1] == (
        "train: 6 videos, which differs from the 4 published: 2 more"
    )


def test_every_reason_is_counted_with_an_example(manifest):
    rejects = [Reject(str(i), f"/{i}.avi", "is a second channel") for i in range(300)]
    rejects.insert(7, Reject("x", "/x.avi", "the file is empty"))
    dataset = manifest([("train", ("tea",))], ["tea"])
    assert lines(dataset, rejects)[-3:] == [
        "left out: 301 (each with its reason in rejects.parquet)",
        "   300  is a second channel: /0.avi and 299 more",
        "     1  the file is empty: /x.avi",
    ]
    assert "/299.avi" in lines(dataset, rejects, shorten=False)[-2]


def test_long_lists_say_how_much_more_there_is(manifest):
    classes = [f"c{i:03d}" for i in range(157)]
    dataset = manifest([("train", (name,)) for name in classes], classes)
    rejects = [Reject(str(i), f"/{i}", f"reason {i}") for i in range(25)]
    short, whole = (lines(dataset, rejects, shorten=shorten) for shorten in (True, False))
    assert "and 137 more classes" in short
    assert short[-1].strip() == "and 15 more reasons"
    assert len(short) < 40
    assert not any("more" in line for line in whole)
    assert sum(line.startswith("c") for line in whole) == 158


def test_many_missing_classes_are_shortened(manifest):
    classes = [f"c{i:03d}" for i in range(157)]
    videos = [("train", (name,)) for name in classes] + [("test", ("c000",))]
    (line,) = [line for line in lines(manifest(videos, classes)) if line.startswith("test has no")]
    assert line == "test has no video of " + ", ".join(classes[1:11]) + " and 146 more"
