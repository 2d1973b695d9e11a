"""A file that names other files is not followed, whatever it is called: its place was allowed, theirs was not."""

from pathlib import Path

import numpy as np
import pytest

from epitoma.core.errors import VideoError
from epitoma.video.compose import write_video
from epitoma.video.index import index_video
from tests.video.range_server import serving

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
    '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000"><BaseURL>{}</BaseURL>'
    "<SegmentBase/></Representation></AdaptationSet></Period></MPD>"
)
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
LISTS = {
    "hls": HLS,
    "concat": "ffconcat version 1.0\nfile {}\n",
    "dash": DASH,
    "sdp": SDP,
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "secret").mkdir()
    path = tmp_path / "secret" / "s.ts"
    write_video(path, (np.zeros((32, 32, 3), np.uint8) for _ in range(8)), fps=8)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".mpd", ".ffconcat", ".sdp"])
@pytest.mark.parametrize("kind", LISTS)
def test_a_list_of_files_is_not_followed(tmp_path, secret, kind, suffix):
    assert index_video(secret).frame_count == 8
    for named in (str(secret), "secret/s.ts", secret.as_uri()):
        path = tmp_path / f"list{suffix}"
        path.write_text(LISTS[kind].format(named))
        with pytest.raises(VideoError, match=r"playlist|cannot be read as a video"):
            index_video(path)


@pytest.mark.parametrize("kind", ["hls", "dash"])
@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".mpd"])
def test_a_list_asks_no_server(tmp_path, kind, suffix):
    with serving() as serve:
        server = serve(b"x" * 1000)
        path = tmp_path / f"list{suffix}"
        path.write_text(LISTS[kind].format(f"{server.address}/s.ts"))
        with pytest.raises(VideoError):
            index_video(path)
        assert server.requests == 0
