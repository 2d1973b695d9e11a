from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epitoma.core.errors import ManifestError
from epitoma.datasets.indexed import fit_intervals, interval_notes, stream_note, stream_notes, video_row
from epitoma.datasets.listing import ListedVideo
from epitoma.datasets.manifest import write_manifest
from epitoma.datasets.schema import Interval
from epitoma.video.index import index_video


def interval(start: float, end: float) -> Interval:
    return Interval(start_seconds=start, end_seconds=end, label="tea")


def listed(**changes) -> ListedVideo:
    return ListedVideo(**{"video_id": "a", "path": "/a.mp4", "labels": ("tea",), "split": "train", **changes})


def test_a_row_says_what_the_file_holds_and_the_source_said(clip):
    row = video_row(listed(intervals=(interval(0.5, 1), interval(1.5, 9))), index_video(clip))
    assert (row.video_id, row.path, row.split, row.labels) == ("a", "/a.mp4", "train", ("tea",))
    assert (row.frame_count, row.fps, row.duration_seconds) == (16, 8.0, 2.0)
    assert row.intervals == (interval(0.5, 1), interval(1.5, 2.0))
    assert video_row(listed(), index_video(clip)).intervals is None
    with pytest.raises(ManifestError, match="a: has no split"):
        video_row(listed(split=None), index_video(clip))


times = st.floats(-5, 50).map(lambda value: round(value, 2))


@given(spans=st.lists(st.tuples(times, times), max_size=6), duration=st.floats(0.1, 40))
def test_fitted_intervals_are_what_a_manifest_allows(tmp_path_factory, clip, spans, duration):
    intervals = [interval(*span) for span in spans]
    fitted = fit_intervals(intervals, duration)
    seconds = [step / 10 for step in range(int(duration * 10))]

    def shown(some, second):
        return any(i.start_seconds <= second < i.end_seconds for i in some)

    assert [shown(fitted, s) for s in seconds] == [shown(intervals, s) for s in seconds]
    row = video_row(listed(), index_video(clip))
    changed = {**vars(row), "duration_seconds": duration, "intervals": fitted}
    path = tmp_path_factory.getbasetemp() / "fitted.parquet"
    write_manifest(path, [type(row)(**changed)], classes=["tea"], multi_label=False)


def test_intervals_that_do_not_fit_are_counted(clip):
    index = index_video(clip)
    videos = [
        listed(intervals=(interval(0, 1), interval(1, 9), interval(3, 4))),
        listed(intervals=None),
        listed(intervals=(interval(1, 1),)),
    ]
    rows = [video_row(video, index) for video in videos]
    assert interval_notes(videos, rows) == [
        "1 intervals reach past their video's ends and were cut there",
        "2 intervals lie outside their video or are empty, and were left out",
    ]
    assert interval_notes(videos[1:2], rows[1:2]) == []


def test_the_stream_of_a_file_with_several_videos_is_named(clip):
    index = index_video(clip)
    assert stream_notes({"a": index}) == []
    several = {f"v{number:02d}": replace(index, stream=1, films=2) for number in range(12)}
    (note,) = stream_notes({"a": index, **several})
    assert note.startswith("12 files hold several videos, of which FFmpeg's best is taken: v00 (stream 1), ")
    assert note.endswith("v04 (stream 1) and 7 more")
    assert stream_note({}) is None
    assert (
        stream_note({"b": 2}) == "1 file holds several videos, of which FFmpeg's best is taken: b (stream 2)"
    )
