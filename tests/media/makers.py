"""Makes media files with ffmpeg: tiny, with a picture and a sound that can be recognised.

Each picture has a red, green, blue and yellow corner (left to right, top to bottom), so that
orientation can be checked, and a moving pattern in its middle; each sound is a sine tone.
"""

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

SIZE: Final = (320, 180)


def run(*arguments: str | Path) -> None:
    """Run the machine's ffmpeg."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def picture(
    size: tuple[int, int] = SIZE,
    rate: str = "30",
    seconds: float = 4,
    extra: str = "",
    pixels: str = "yuv420p",
) -> list[str]:
    """Input arguments: the test picture."""
    width, height = size
    w, h = max(2, width // 5), max(2, height // 5)
    boxes = (
        f"drawbox=0:0:{w}:{h}:red:fill,drawbox={width - w}:0:{w}:{h}:lime:fill,"
        f"drawbox=0:{height - h}:{w}:{h}:blue:fill,"
        f"drawbox={width - w}:{height - h}:{w}:{h}:yellow:fill"
    )
    pattern = f"testsrc2=s={width}x{height}:r={rate}:d={seconds},format=rgb24"
    graph = f"{pattern},{boxes}{extra},format={pixels}"
    return ["-f", "lavfi", "-i", graph]


def tone(seconds: float = 4, layout: str = "stereo", hertz: int = 440) -> list[str]:
    """Input arguments: a sine tone."""
    graph = f"sine=frequency={hertz}:duration={seconds}:sample_rate=48000,volume=4"
    return ["-f", "lavfi", "-i", f"{graph},aformat=channel_layouts={layout}"]


X264: Final = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "30")
AAC: Final = ("-c:a", "aac", "-b:a", "96k")


def film(
    *codecs: str,
    size: tuple[int, int] = SIZE,
    rate: str = "30",
    seconds: float = 4,
    layout: str = "stereo",
    extra: str = "",
) -> Callable[[Path], None]:
    """A maker: the test picture with a tone, encoded with these arguments."""

    def make(path: Path) -> None:
        run(*picture(size, rate, seconds, extra), *tone(seconds, layout), *codecs, path)

    return make


def silent(*codecs: str, **how: object) -> Callable[[Path], None]:
    """A maker: the test picture without sound."""

    def make(path: Path) -> None:
        run(*picture(**how), *codecs, path)  # type: ignore[arg-type]

    return make


def sound(*codecs: str, layout: str = "stereo", seconds: float = 4) -> Callable[[Path], None]:
    """A maker: only a tone."""

    def make(path: Path) -> None:
        run(*tone(seconds, layout), *codecs, path)

    return make


def with_cover(*codecs: str) -> Callable[[Path], None]:
    """A maker: a tone with cover art."""

    def make(path: Path) -> None:
        cover = path.with_suffix(".png")
        run(*picture((300, 300), seconds=1), "-frames:v", "1", cover)
        streams = ("-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v", "attached_pic")
        run(*tone(), "-i", cover, *streams, *codecs, path)
        cover.unlink()

    return make


def turned(degrees: int) -> Callable[[Path], None]:
    """A maker: a phone's film, stored sideways with a display matrix that stands it up."""
    filters = {90: ",transpose=cclock", 180: ",hflip,vflip", 270: ",transpose=clock"}
    upright = (180, 320) if degrees in (90, 270) else SIZE

    def make(path: Path) -> None:
        film(*X264, *AAC, size=upright, extra=filters[degrees])(path)
        set_matrix(path, degrees)

    return make


def set_matrix(path: Path, degrees: int) -> None:
    """Write the display matrix into the picture's track header (version 0, as ffmpeg writes it)."""
    a, b, c, d = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    struct.pack_into(">9i", data, at, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))


def varying(path: Path) -> None:
    """Frames at 30, then at 10, then at 60 a second, like a screen recording: four seconds."""
    times = "setpts='if(lt(N,60),N/30,if(lt(N,70),2+(N-60)/10,3+(N-70)/60))/TB'"
    step = path.with_name("varying.mkv")
    run(*picture(seconds=4.334, extra=f",settb=1/1000,{times}"), *X264, "-fps_mode", "vfr", step)
    run("-i", step, *tone(), "-map", "0:v", "-map", "1:a", "-c:v", "copy", *AAC, path)
    if step != path:
        step.unlink()


def phone(path: Path) -> None:
    """Nearly 30 frames a second with jitter of some milliseconds, as phones record."""
    step = path.with_name("jitter.mkv")
    times = "setpts='(N/30+mod(N*7,5)*0.001)/TB'"
    run(*picture(extra=f",settb=1/1000,{times}"), *X264, "-fps_mode", "vfr", step)
    run("-i", step, *tone(), "-map", "0:v", "-map", "1:a", "-c:v", "copy", *AAC, path)
    step.unlink()


def hdr(transfer: str) -> Callable[[Path], None]:
    """A maker: ten bits, tagged as PQ or HLG."""
    numbers = {"smpte2084": "16", "arib-std-b67": "18"}[transfer]
    tags = f"log-level=none:colorprim=9:transfer={numbers}:colormatrix=9"

    def make(path: Path) -> None:
        film(
            *("-vf", "scale=out_color_matrix=bt2020,format=yuv420p10le"),
            *("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", tags),
            *("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc"),
            *("-tag:v", "hvc1", *AAC),
        )(path)

    return make


def several_tracks(path: Path) -> None:
    """Three languages; the second is the default."""
    run(
        *picture(),
        *tone(),
        *tone(hertz=660),
        *tone(layout="mono", hertz=880),
        *("-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:a", *X264, *AAC),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger"),
        *("-metadata:s:a:2", "language=fra", "-metadata:s:a:1", "title=Deutsch"),
        *("-disposition:a:0", "0", "-disposition:a:1", "default", "-disposition:a:2", "0"),
        path,
    )


def late_start(path: Path) -> None:
    """Ten seconds on its clock before anything is shown."""
    run(*picture(), *tone(), *X264, *AAC, "-output_ts_offset", "10", path)


def cut_by_edit_list(path: Path) -> None:
    """Cut without encoding: an edit list hides the frames between key frame and cut."""
    whole = path.with_name("whole.mp4")
    film(*X264, *AAC, "-g", "60", seconds=5)(whole)
    run("-ss", "1", "-i", whole, "-c", "copy", path)
    whole.unlink()


def sound_first(path: Path) -> None:
    """The sound begins a second before the picture."""
    run(*picture(seconds=3), *tone(), *X264, *AAC, "-filter:v", "setpts=PTS+1/TB", path)


def picture_first(path: Path) -> None:
    """The picture begins a second before the sound."""
    run(*picture(), *tone(3), *X264, *AAC, "-filter:a", "asetpts=PTS+1/TB", path)


def longer_sound(path: Path) -> None:
    """Two seconds of picture under four of sound."""
    run(*picture(seconds=2), *tone(), *X264, *AAC, path)


def raw(*codecs: str) -> Callable[[Path], None]:
    """A maker: a bare stream without a container."""

    def make(path: Path) -> None:
        run(*picture(), *codecs, path)

    return make


def three_hours(path: Path) -> None:
    """Three hours at one frame a second."""
    seconds = 3 * 3600
    run(
        *("-f", "lavfi", "-i", f"testsrc=s=96x54:r=1:d={seconds}"),
        *("-f", "lavfi", "-i", f"anullsrc=r=8000:cl=mono:d={seconds}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", "8", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-b:a", "8k", "-shortest", path),
    )


H265: Final = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
MPEG2: Final = ("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2")
INTERLACED: Final = ("-flags", "+ilme+ildct", "-vf", "tinterlace=interleave_top,fieldorder=tff")


def flash_and_beep(path: Path) -> None:
    """Black and silent but for two tenths of a second at 2 s: a white flash and a beep."""
    white = "drawbox=0:0:iw:ih:white:fill:enable='between(t,1.99,2.19)'"
    run(
        *("-f", "lavfi", "-i", f"color=black:s=320x180:r=30:d=4,{white},format=yuv420p"),
        *("-f", "lavfi", "-i", "sine=frequency=1000:duration=4:sample_rate=48000"),
        *("-af", "volume=volume=if(between(t\\,2\\,2.2)\\,6\\,0):eval=frame", *X264, *AAC, path),
    )
