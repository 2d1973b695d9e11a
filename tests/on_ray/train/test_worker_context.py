"""What a training worker sends of all that it emits."""

import ray

from epitoma.on_ray.train.board import new_board
from epitoma.on_ray.train.worker_context import RayContext
from epitoma.training.events import EpochDone, StepDone, VideoDamaged, VideoRejected

SEEN_BY_ALL = [StepDone(epoch=0, step=1, steps=2), EpochDone(epoch=0, metrics={})]
SEEN_BY_ONE = [
    VideoRejected(video_id="a", path="a.mp4", reason="no frames"),
    VideoDamaged(video_id="b", path="b.mp4", replaced_frames=3),
]


def test_what_every_worker_sees_is_sent_once_and_what_one_alone_sees_by_that_one(ray_cluster):
    for rank, expected in ((0, [*SEEN_BY_ALL, *SEEN_BY_ONE]), (1, SEEN_BY_ONE)):
        # A worker's place among others comes from Ray Train, which would take a run to ask.
        context = object.__new__(RayContext)
        context.rank, context.board, context._answer = rank, new_board(), None
        for event in (*SEEN_BY_ALL, *SEEN_BY_ONE):
            context.emit(event)
        assert ray.get(context.board.take.remote(0)) == expected
