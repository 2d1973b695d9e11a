"""What a trial keeps and tells of its videos."""

from epitoma.datasets.rejects import Reject
from epitoma.on_ray.tune.video_watch import VideoWatch
from epitoma.training.events import StepDone, VideoDamaged, VideoRejected


def test_videos_that_workers_tell_of_again_count_once(capsys):
    watch = VideoWatch()
    for reason in ("no frames", "cut off"):
        watch(VideoRejected(video_id="a", path="a.mp4", reason=reason))
        watch(VideoDamaged(video_id="b", path="b.mp4", replaced_frames=3))
        watch(StepDone(epoch=0, step=1, steps=2))
    assert list(watch.rejects.values()) == [Reject("a", "a.mp4", "no frames")]
    assert capsys.readouterr().out == "  damaged b.mp4: 3 frames replaced by the nearest good ones\n"
