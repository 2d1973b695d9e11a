import pickle
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.errors import ManifestError
from epitoma.datasets.manifest import SCHEMA, Interval, VideoRow, read_manifest, write_manifest
from epitoma.datasets.rejects import Reject, write_rejects
from epitoma.datasets.schema import to_table
from epitoma.files.allowed_roots import Roots, write_roots

CLASSES = ("tea", "coffee", "juice")


def row(number: int, **changes: object) -> VideoRow:
    plain = VideoRow(
        video_id=f"v{number}",
        path=f"videos/v{number}.mp4",
        split=("train", "validation", "test")[number % 3],
        labels=(CLASSES[number % 3],),
        duration_seconds=10.0,
        fps=8.0,
        frame_count=80,
    )
    return replace(plain, **changes)


def interval(start: float, end: float) -> Interval:
    return Interval(start_seconds=start, end_seconds=end, label="pouring")


def write_unchecked(path, rows):
    """Write rows as another program might, with nulls where there must be none."""
    table = to_table(rows, classes=CLASSES, multi_label=False)
    nullable = pa.schema([field.with_nullable(True) for field in SCHEMA], metadata=table.schema.metadata)
    pq.write_table(table.cast(nullable), path)
    return path


def test_what_was_written_is_what_is_read(put_clips):
    folder = put_clips("videos/v0.mp4", "videos/v1.mp4")
    rows = [
        row(0, path=str(folder / "videos/v0.mp4"), intervals=(interval(1, 2), interval(5, 6.5))),
        row(1, intervals=()),
    ]
    written = write_manifest(folder / "set.parquet", rows, classes=CLASSES, multi_label=False)
    read = read_manifest(folder / "set.parquet")
    assert read.table.equals(written.table)
    assert read.table.schema.equals(SCHEMA)
    assert (len(read), read.video_ids, read.classes, read.multi_label) == (2, ["v0", "v1"], CLASSES, False)
    assert read.table["path"].to_pylist() == ["videos/v0.mp4", "videos/v1.mp4"]
    assert read.resolved_paths() == [str(folder / "videos" / f"v{i}.mp4") for i in range(2)]
    assert list(folder.glob(".*")) == []


def test_the_folder_can_move(put_clips):
    folder = put_clips("here/videos/v0.mp4")
    path = str(folder / "here/videos/v0.mp4")
    write_manifest(folder / "here/set.parquet", [row(0, path=path)], classes=CLASSES, multi_label=False)
    (folder / "here").rename(folder / "there")
    assert read_manifest(folder / "there/set.parquet").resolved_paths() == [
        str(folder / "there/videos/v0.mp4")
    ]


def test_labels_as_a_matrix(tmp_path):
    rows = [row(0, labels=("juice", "tea")), row(1, labels=()), row(2, labels=("coffee",))]
    manifest = write_manifest(tmp_path / "set.parquet", rows, classes=CLASSES, multi_label=True)
    assert manifest.label_matrix().tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert manifest.label_matrix().dtype == np.float32
    assert manifest.split("test").label_matrix().tolist() == [[0, 1, 0]]


def test_evidence_is_where_the_intervals_are(tmp_path):
    rows = [row(0, intervals=(interval(1, 2), interval(4, 6))), row(1), row(2, intervals=(interval(0, 10),))]
    manifest = write_manifest(tmp_path / "set.parquet", rows, classes=CLASSES, multi_label=False)
    times = np.tile([0.0, 1.0, 1.9, 2.0, 5.0], (3, 1))
    assert manifest.evidence(times).tolist() == [[False, True, True, False, True], [False] * 5, [True] * 5]
    assert not manifest.has_intervals
    assert manifest.split("test").has_intervals
    assert manifest.split("test").evidence(times[:1]).all()
    with pytest.raises(ValueError, match=r"times are \(2, 5\), expected \(3, T\)"):
        manifest.evidence(times[:2])


spans = st.lists(st.tuples(st.floats(0, 9), st.floats(0.01, 1)), max_size=4)


@given(spans_of_videos=st.lists(spans, min_size=1, max_size=5), seed=st.integers(0, 99))
def test_evidence_agrees_with_a_plain_loop(tmp_path_factory, spans_of_videos, seed):
    rows = [
        row(i, intervals=tuple(interval(start, start + length) for start, length in spans))
        for i, spans in enumerate(spans_of_videos)
    ]
    path = tmp_path_factory.getbasetemp() / "loop.parquet"
    manifest = write_manifest(path, rows, classes=CLASSES, multi_label=False)
    times = np.random.default_rng(seed).uniform(0, 10, (len(rows), 7))
    expected = [
        [any(start <= t < start + length for start, length in spans) for t in times_of_video]
        for spans, times_of_video in zip(spans_of_videos, times, strict=True)
    ]
    assert manifest.evidence(times).tolist() == expected


def test_split(tmp_path):
    rows = [row(i) for i in (0, 3, 2)]
    manifest = write_manifest(tmp_path / "set.parquet", rows, classes=CLASSES, multi_label=False)
    assert manifest.split("train").video_ids == ["v0", "v3"]
    with pytest.raises(ManifestError, match="split 'validation' has no videos; the splits are train, test"):
        manifest.split("validation")


def test_digest_is_of_the_content(tmp_path):
    def digest(*rows: VideoRow, **changes):
        options = {"classes": CLASSES, "multi_label": False, **changes}
        return write_manifest(tmp_path / "set.parquet", rows, **options).digest()

    plain = digest(row(0), row(1))
    assert (
        plain == digest(row(0), row(1)) == read_manifest(tmp_path / "set.parquet", check_files=False).digest()
    )
    others = [
        digest(row(0)),
        digest(row(1), row(0)),
        digest(row(0), row(1, path="elsewhere.mp4")),
        digest(row(0), row(1, split="test")),
        digest(row(0), row(1, labels=("tea",))),
        digest(row(0), row(1, frame_count=81)),
        digest(row(0), row(1), classes=CLASSES[::-1]),
    ]
    assert len({plain, *others}) == 8
    assert len(plain) == 16


BAD_ROWS = {
    "unknown split": ({"split": "dev"}, r"split 'dev' is none of train, validation, test"),
    "unknown label": ({"labels": ("beer",)}, r"label 'beer' not among the classes"),
    "no label": ({"labels": ()}, r"has 0 labels, must have exactly one"),
    "two labels": ({"labels": ("tea", "coffee")}, r"has 2 labels, must have exactly one"),
    "no duration": ({"duration_seconds": 0.0}, r"duration_seconds is 0.0, must be above 0"),
    "fps not a number": ({"fps": float("nan")}, r"fps is nan, must be above 0"),
    "endless fps": ({"fps": float("inf")}, r"fps is inf, must be above 0"),
    "negative count": ({"frame_count": -3}, r"frame_count is -3, must be above 0"),
    "late interval": (
        {"intervals": (interval(1, 2), interval(9, 11))},
        r"interval 9 to 11 s is empty or outside",
    ),
    "early interval": (
        {"intervals": (interval(-1, 2),)},
        r"interval -1 to 2 s is empty or outside 0 to 10 s",
    ),
    "empty interval": ({"intervals": (interval(2, 2),)}, r"interval 2 to 2 s is empty"),
    "same id": ({"video_id": "v0"}, r"row 0 \(v0\): .*more than once\n  row 2 \(v0\): .*more than once"),
    "no id": ({"video_id": None}, r"row 2 \(None\): video_id is missing"),
    "no path": ({"path": None}, r"path is missing"),
    "no labels": ({"labels": None}, r"row 2 \(v2\): labels is missing"),
    "no fps": ({"fps": None}, r"row 2 \(v2\): fps is missing$"),
}


@pytest.mark.parametrize(("changes", "reason"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_named(tmp_path, changes, reason):
    path = write_unchecked(tmp_path / "set.parquet", [row(0), row(1), row(2, **changes)])
    with pytest.raises(ManifestError, match=reason) as caught:
        read_manifest(path, check_files=False)
    assert "row 2 (" in str(caught.value)
    assert "row 1 (" not in str(caught.value)


def test_every_bad_row_is_named_with_all_its_reasons(tmp_path):
    rows = [row(0, split="x", fps=-1.0), row(1), row(2, labels=("beer", "wine"))]
    path = write_unchecked(tmp_path / "set.parquet", rows)
    with pytest.raises(ManifestError) as caught:
        read_manifest(path, check_files=False)
    assert str(caught.value).splitlines() == [
        f"{path}: 2 of 3 rows are bad",
        "  row 0 (v0): split 'x' is none of train, validation, test; fps is -1.0, must be above 0",
        "  row 2 (v2): labels 'beer', 'wine' not among the classes; has 2 labels, must have exactly one",
    ]


def test_long_lists_of_bad_rows_are_cut(tmp_path):
    path = write_unchecked(tmp_path / "set.parquet", [row(i, split="x") for i in range(50)])
    with pytest.raises(ManifestError) as caught:
        read_manifest(path, check_files=False)
    lines = str(caught.value).splitlines()
    assert len(lines) == 22
    assert lines[0].endswith("50 of 50 rows are bad")
    assert lines[-1] == "  and 30 more"


def test_missing_videos(put_clips):
    folder = put_clips("videos/v0.mp4")
    rows = [row(0), row(1), row(2, path="s3://bucket/v2.mp4")]
    path = write_unchecked(folder / "set.parquet", rows)
    write_roots(folder, Roots(("s3://bucket/",)))
    with pytest.raises(
        ManifestError, match=rf"1 of 3 rows are bad\n  row 1 \(v1\): no video at {folder}/videos/v1"
    ):
        read_manifest(path)
    assert len(read_manifest(path, check_files=False)) == 3


def test_writing_checks_too_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "set.parquet"
    write_manifest(path, [row(0)], classes=CLASSES, multi_label=False)
    before = path.read_bytes()
    with pytest.raises(ManifestError, match="more than once"):
        write_manifest(path, [row(0), row(0)], classes=CLASSES, multi_label=False)
    with pytest.raises(ManifestError, match="has no videos"):
        write_manifest(path, [], classes=CLASSES, multi_label=False)
    assert path.read_bytes() == before


def test_no_manifest(tmp_path):
    with pytest.raises(ManifestError, match=r"no manifest at .*gone\.parquet; make one with `python"):
        read_manifest(tmp_path / "gone.parquet")


def test_not_parquet(tmp_path):
    path = tmp_path / "set.parquet"
    path.write_text("hello, this is no table")
    with pytest.raises(ManifestError, match="is not a Parquet file"):
        read_manifest(path)


def write_with_metadata(path, **changes):
    table = to_table([row(0)], classes=CLASSES, multi_label=False)
    metadata = {**table.schema.metadata, **{f"epitoma.{k}".encode(): v for k, v in changes.items()}}
    pq.write_table(table.replace_schema_metadata({k: v for k, v in metadata.items() if v is not None}), path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": b"9"}, r"epitoma\.format is b'9', expected b'1'"),
        ({"format": None}, r"epitoma\.format is None"),
        ({"classes": None}, r"epitoma\.classes is None, expected a JSON list"),
        ({"classes": b"[]"}, r"epitoma\.classes is \[\], expected a JSON list"),
        ({"classes": b"tea"}, r"epitoma\.classes is not JSON"),
        ({"classes": b'["tea", "tea"]'}, r"names tea more than once"),
        ({"multi_label": b"perhaps"}, r"epitoma\.multi_label is b'perhaps'"),
    ],
)
def test_wrong_metadata(tmp_path, changes, message):
    write_with_metadata(tmp_path / "set.parquet", **changes)
    with pytest.raises(ManifestError, match=message):
        read_manifest(tmp_path / "set.parquet", check_files=False)


def test_wrong_columns(tmp_path):
    table = to_table([row(0)], classes=CLASSES, multi_label=False)
    path = tmp_path / "set.parquet"
    pq.write_table(table.drop_columns(["fps", "split"]), path)
    with pytest.raises(ManifestError, match="columns split, fps are missing"):
        read_manifest(path)
    pq.write_table(table.set_column(5, "fps", pa.array(["8"])), path)
    with pytest.raises(ManifestError, match="column fps is string, expected double"):
        read_manifest(path)
    pq.write_table(table.set_column(6, "frame_count", pa.array([8.5])), path)
    with pytest.raises(ManifestError, match="a column has a wrong type"):
        read_manifest(path)


def test_what_pandas_writes_is_read(tmp_path):
    table = to_table([row(0, intervals=(interval(1, 2),))], classes=CLASSES, multi_label=False)
    wide = table.set_column(0, "video_id", table["video_id"].cast(pa.large_string()))
    wide = wide.set_column(6, "frame_count", wide["frame_count"].cast(pa.int32()))
    pq.write_table(wide.append_column("note", pa.array(["mine"])), tmp_path / "set.parquet")
    assert read_manifest(tmp_path / "set.parquet", check_files=False).table.equals(table)


def big_table(count: int) -> pa.Table:
    one = to_table([row(0, intervals=(interval(1, 2),))], classes=CLASSES, multi_label=False)
    table = one.take(pa.array(np.zeros(count, dtype=np.int64)))
    return table.set_column(0, one.schema.field("video_id"), pa.array(np.arange(count).astype(str)))


def test_checking_a_row_more_costs_a_few_calls_of_functions(tmp_path):
    """However many rows there are; most of what is checked is checked of all of them at once."""
    calls = []
    for count in (300, 30_000):
        file = tmp_path / f"{count}.parquet"
        pq.write_table(big_table(count), file)
        counted = Counter()
        sys.setprofile(lambda frame, event, value, counted=counted: counted.update([event]))
        try:
            manifest = read_manifest(file, check_files=False)
        finally:
            sys.setprofile(None)
        assert len(manifest) == count
        calls.append(counted["call"])
    assert (calls[1] - calls[0]) / (30_000 - 300) < 10


def test_many_rows_are_sent_to_workers_once(tmp_path):
    pq.write_table(big_table(300_000), tmp_path / "set.parquet")
    manifest = read_manifest(tmp_path / "set.parquet", check_files=False)
    for sent in (manifest, manifest.split("train")):
        assert len(pickle.dumps(sent, protocol=5)) < 1.1 * sent.table.nbytes


def test_rejects_are_a_table(tmp_path):
    path = tmp_path / "rejects.parquet"
    write_rejects(path, [Reject("v1", "/videos/v1.mp4", "the file is empty")])
    assert pq.read_table(path).to_pylist() == [
        {"video_id": "v1", "path": "/videos/v1.mp4", "reason": "the file is empty"}
    ]
    write_rejects(path, [])
    assert pq.read_table(path).num_rows == 0
