"""What is red stays as red: in every rendition and picture, tagged or not, whatever its size."""

from dataclasses import replace
from pathlib import Path

import av
import pytest
from PIL import Image

from app.media import ladder, probe, thumbnails, transcode
from tests.media import pipeline
from tests.media.sources import run

SETTINGS = replace(pipeline.SETTINGS, resolutions=(96, 720), may_copy=False)
BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
BT601 = ("-colorspace", "smpte170m", "-color_primaries", "smpte170m", "-color_trc", "smpte170m")
#: JPEG halves colours, and codecs round.
NEARLY = 4


def film(path: Path, size: str, matrix: str, tags: tuple[str, ...]) -> Path:
    """A second of one saturated orange, by that matrix, tagged so."""
    run(
        *("-f", "lavfi", "-i", f"color=c=0xE06010:s={size}:r=10:d=1"),
        *("-vf", f"scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", *tags),
        path,
    )
    return path


def middle(path: Path) -> tuple[int, int, int]:
    """Y, U and V in the middle of the first frame."""
    with av.open(str(path)) as media:
        frame = next(media.decode(video=0))
        y, u, v = (
            bytes(plane)[plane.line_size * (plane.height // 2) + plane.width // 2]
            for plane in frame.planes
        )
        return y, u, v


def rgb(y: int, u: int, v: int, matrix: str) -> tuple[float, ...]:
    """Limited-range Y, U and V as red, green and blue (ITU-R BT.601 and BT.709)."""
    red, blue = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114)}[matrix]
    light, u_part, v_part = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    r, b = light + 2 * (1 - red) * v_part, light + 2 * (1 - blue) * u_part
    g = (light - red * r - blue * b) / (1 - red - blue)
    return tuple(255 * min(1, max(0, channel)) for channel in (r, g, b))


@pytest.mark.parametrize(
    ("size", "matrix", "tags"),
    [
        ("1280x720", "bt709", ()),
        ("1280x720", "bt709", BT709),
        ("1280x720", "smpte170m", BT601),
        ("640x480", "smpte170m", ()),
        ("640x480", "bt709", BT709),
    ],
)
async def test_colours_stay(size: str, matrix: str, tags: tuple[str, ...], tmp_path: Path) -> None:
    source = film(tmp_path / "source.mp4", size, matrix, tags)
    found = await probe.probe(source)
    plan = ladder.plan(found, SETTINGS)
    files = await transcode.encode_chunk(
        source, plan, transcode.whole(plan), plan.encoded, tmp_path
    )
    for path in files.values():
        assert middle(path) == pytest.approx(middle(source), abs=2)
    shown = await thumbnails.make_thumbnails(source, found, tmp_path)
    with Image.open(shown[-1].path) as image:
        assert image.getpixel((600, 360)) == pytest.approx(rgb(*middle(source), matrix), abs=NEARLY)
