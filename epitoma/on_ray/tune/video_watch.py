"""What a trial from pixels learns of its videos: which cannot be read, and which are damaged."""

from epitoma.datasets.rejects import Reject
from epitoma.reporting.console import say
from epitoma.training.events import Event, VideoDamaged, VideoRejected


class VideoWatch:
    """Watches which videos of a trial from pixels cannot be read, or are damaged, which its log tells, once each."""

    def __init__(self) -> None:
        self.rejects: dict[str, Reject] = {}
        self.damaged: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Handle one event."""
        if isinstance(event, VideoRejected):
            self.rejects.setdefault(event.video_id, Reject(event.video_id, event.path, event.reason))
        elif isinstance(event, VideoDamaged) and event.video_id not in self.damaged:
            self.damaged.add(event.video_id)
            say(f"  {event.line}")
