"""The table of the decoding benchmark: who is compared with whom, and what it comes to."""

from dataclasses import asdict, replace

from benchmarks.decode import Difference, Row, markdown, summary
from benchmarks.record import write_record
from epitoma.core.config import from_dict
from epitoma.files.json_files import read_json

ROW = Row(
    file="h264.mp4",
    timesteps=16,
    frames=1,
    mode="exact",
    ours_ms=50.0,
    torchcodec_exact_ms=90.0,
    torchcodec_approximate_ms=75.0,
    torchcodec_unscaled_ms=10.0,
    decord_ms=200.0,
    max_deviation_seconds=0.0,
    difference=Difference(max_abs_difference=9, mean_abs_difference=3.5, worst_frame_difference=4.0),
)


def test_the_fastest_peer_that_gives_the_same_pictures_is_what_counts():
    assert ROW.speedup == 1.5
    assert replace(ROW, decord_ms=40.0).speedup == 0.8


def test_a_mode_is_summed_up_by_its_worst_best_and_median_cell():
    rows = [replace(ROW, ours_ms=ours) for ours in (75.0, 50.0, 25.0)] + [
        replace(ROW, mode="fast", ours_ms=1.0)
    ]
    assert summary(rows, "exact") == "exact: 1.00 to 3.00 times faster, median 1.50"
    shown = markdown(rows).splitlines()
    assert shown[2] == "| h264.mp4 | 16 x 1 | exact | 75 | 90 / 75 | 200 | 10 | 1.00 | 3.50 |"
    assert shown[-1].startswith("fast: 75.00 to 75.00")


def test_rows_come_back_from_their_record(tmp_path):
    write_record(tmp_path / "decode.json", [ROW])
    (kept,) = read_json(tmp_path / "decode.json")["rows"]
    assert kept == asdict(ROW)
    assert from_dict(Row, kept, source="decode.json") == ROW
