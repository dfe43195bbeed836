"""Every kind of file a person might upload, made by ffmpeg: tiny, and with known contents.

`SOURCES` is the list; `fetch(source, folder)` makes a file once, however many processes ask for it.
Each picture has a red, green, blue and yellow corner (left to right, top to bottom), so that
orientation can be checked, and a moving pattern in its middle; each sound is a sine tone.
"""

import fcntl
import os
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Protocol

SIZE: Final = (320, 180)
NTSC: Final = Fraction(30000, 1001)


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of file and what a right pipeline makes of it."""

    name: str
    file: str
    make: Callable[[Path], None]
    seconds: float = 4.0
    fps: Fraction = Fraction(30)
    size: tuple[int, int] = SIZE
    """As shown, before it is made even."""
    channels: tuple[int, ...] = (2,)
    """Of each audio rendition, in order."""
    languages: tuple[str, ...] = ("",)
    is_copied: bool = False
    is_normalised: bool = False
    is_still: bool = False
    is_long: bool = False
    """Too long to be encoded in a test: only planned and cut."""
    slack: float = 0.07
    """Seconds by which the length may differ: two frames and a container's rounding."""


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

SOURCES: Final[tuple[Source, ...]] = (
    Source("h264-mp4", "a.mp4", film(*X264, *AAC, "-movflags", "+faststart"), is_copied=True),
    Source("h264-mkv", "a.mkv", film(*X264, *AAC), is_copied=True),
    Source("h264-mov-pcm", "a.mov", film(*X264, "-c:a", "pcm_s16le"), is_copied=True),
    Source("h264-ts", "a.ts", film(*X264, *AAC), is_copied=True, is_normalised=True),
    Source("h264-avi", "a.avi", film(*X264, "-c:a", "mp3"), is_copied=True, is_normalised=True),
    Source("h264-flv", "a.flv", film(*X264, *AAC), is_copied=True, is_normalised=True),
    Source(
        "h264-fragmented",
        "a.mp4",
        film(*X264, *AAC, "-movflags", "frag_keyframe+empty_moov"),
        is_copied=True,
        slack=0.15,
    ),
    Source("h264-raw", "a.h264", raw(*X264), is_normalised=True, channels=(), languages=()),
    Source("h264-10-bit", "a.mp4", film(*X264, "-pix_fmt", "yuv420p10le", *AAC)),
    Source("h264-full-range", "a.mp4", film(*X264, "-pix_fmt", "yuvj420p", *AAC), is_copied=True),
    Source("h264-far-keys", "a.mp4", film(*X264, "-g", "999", *AAC, seconds=12), seconds=12),
    Source("hevc-mp4", "a.mp4", film(*H265, "-tag:v", "hvc1", *AAC)),
    Source("hevc-10-bit-mkv", "a.mkv", film(*H265, "-pix_fmt", "yuv420p10le", *AAC)),
    Source("vp8-webm", "a.webm", film("-c:v", "libvpx", "-b:v", "500k", "-c:a", "libvorbis")),
    Source(
        "vp9-webm",
        "a.webm",
        film("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"),
    ),
    Source("av1-webm", "a.webm", film("-c:v", "libsvtav1", "-preset", "12", "-c:a", "libopus")),
    Source("av1-mp4", "a.mp4", film("-c:v", "libsvtav1", "-preset", "12", *AAC)),
    Source("mpeg4-mp4", "a.mp4", film("-c:v", "mpeg4", "-q:v", "4", *AAC)),
    Source(
        "mpeg4-avi",
        "a.avi",
        film("-c:v", "mpeg4", "-bf", "2", "-q:v", "4", "-c:a", "mp3"),
        is_normalised=True,
    ),
    Source(
        "prores-mov", "a.mov", film("-c:v", "prores_ks", "-profile:v", "0", "-c:a", "pcm_s16le")
    ),
    Source("mjpeg-avi", "a.avi", film("-c:v", "mjpeg", "-c:a", "pcm_s16le"), is_normalised=True),
    Source("mpeg2-program", "a.mpg", film(*MPEG2, "-c:a", "mp2"), is_normalised=True),
    Source(
        "mpeg2-interlaced-ts",
        "a.ts",
        film(*INTERLACED, *MPEG2, "-c:a", "mp2", rate="50"),
        fps=Fraction(25),
        is_normalised=True,
    ),
    Source(
        "h264-interlaced",
        "a.mp4",
        film(*INTERLACED, *X264, "-x264-params", "tff=1", *AAC, rate="50"),
        fps=Fraction(25),
    ),
    Source("wmv", "a.wmv", film("-c:v", "wmv2", "-c:a", "wmav2"), is_normalised=True, slack=0.15),
    Source(
        "theora-ogg", "a.ogv", film("-c:v", "libtheora", "-c:a", "libvorbis"), is_normalised=True
    ),
    Source("gif", "a.gif", silent(rate="10"), fps=Fraction(10), channels=(), languages=()),
    Source(
        "rgb-qtrle", "a.mov", silent("-c:v", "qtrle", pixels="rgb24"), channels=(), languages=()
    ),
    Source("rotated-90", "a.mp4", turned(90), size=(180, 320)),
    Source("rotated-180", "a.mov", turned(180)),
    Source("rotated-270", "a.mp4", turned(270), size=(180, 320)),
    Source(
        "portrait", "a.mp4", film(*X264, *AAC, size=(180, 320)), size=(180, 320), is_copied=True
    ),
    Source("vfr-mkv", "a.mkv", varying, is_copied=True),
    Source("vfr-mp4", "a.mp4", varying, is_copied=True),
    Source("vfr-phone", "a.mp4", phone, is_copied=True),
    Source("ntsc", "a.mp4", film(*X264, *AAC, rate="30000/1001"), fps=NTSC, is_copied=True),
    Source("ntsc-mkv", "a.mkv", film(*H265, *AAC, rate="30000/1001"), fps=NTSC),
    Source(
        "film-rate",
        "a.mkv",
        film("-c:v", "mpeg4", *AAC, rate="24000/1001"),
        fps=Fraction(24000, 1001),
    ),
    Source("60-fps", "a.mp4", film(*X264, *AAC, rate="60"), fps=Fraction(60), is_copied=True),
    Source("120-fps", "a.mp4", film(*X264, *AAC, rate="120"), fps=Fraction(60)),
    Source("hdr-pq", "a.mp4", hdr("smpte2084")),
    Source("hdr-hlg", "a.mp4", hdr("arib-std-b67")),
    Source(
        "odd-size",
        "a.mp4",
        film(*X264, "-pix_fmt", "yuv444p", *AAC, size=(321, 181)),
        size=(321, 181),
    ),
    Source(
        "anamorphic",
        "a.mp4",
        film(*X264, "-vf", "setsar=64/45", *AAC, size=(180, 144)),
        size=(256, 144),
    ),
    Source("tiny", "a.mp4", film(*X264, *AAC, size=(96, 64)), size=(96, 64), is_copied=True),
    Source("no-audio", "a.mp4", silent(*X264), is_copied=True, channels=(), languages=()),
    Source("mono", "a.mp4", film(*X264, *AAC, layout="mono"), is_copied=True, channels=(1,)),
    Source("5.1", "a.mkv", film(*X264, "-c:a", "ac3", layout="5.1"), is_copied=True),
    Source("7.1", "a.mov", film(*X264, "-c:a", "pcm_s16le", layout="7.1"), is_copied=True),
    Source(
        "several-audio-tracks",
        "a.mkv",
        several_tracks,
        is_copied=True,
        channels=(2, 2, 1),
        languages=("en", "de", "fr"),
    ),
    Source("starts-at-10-s-mkv", "a.mkv", late_start, is_copied=True),
    Source("starts-at-10-s-ts", "a.ts", late_start, is_copied=True, is_normalised=True),
    Source("edit-list", "a.mp4", cut_by_edit_list),
    Source("sound-first", "a.mp4", sound_first),
    Source("picture-first", "a.mp4", picture_first, is_copied=True),
    Source("longer-sound", "a.mp4", longer_sound),
    Source("one-second", "a.mp4", film(*X264, *AAC, seconds=1), seconds=1, is_copied=True),
    Source(
        "one-frame", "a.mp4", silent(*X264, seconds=0.03), seconds=1 / 30, channels=(), languages=()
    ),
    Source("mp3", "a.mp3", sound("-c:a", "mp3"), is_still=True, fps=Fraction(1), slack=0.6),
    Source(
        "mp3-with-cover",
        "a.mp3",
        with_cover("-c:a", "mp3"),
        is_still=True,
        fps=Fraction(1),
        slack=0.6,
    ),
    Source("flac", "a.flac", sound("-c:a", "flac"), is_still=True, fps=Fraction(1)),
    Source("flac-with-cover", "a.flac", with_cover("-c:a", "flac"), is_still=True, fps=Fraction(1)),
    Source("m4a", "a.m4a", sound(*AAC), is_still=True, fps=Fraction(1)),
    Source("opus", "a.opus", sound("-c:a", "libopus"), is_still=True, fps=Fraction(1)),
    Source("wav", "a.wav", sound("-c:a", "pcm_s16le"), is_still=True, fps=Fraction(1)),
    Source(
        "three-hours",
        "a.mp4",
        three_hours,
        seconds=10800,
        fps=Fraction(1),
        size=(96, 54),
        channels=(1,),
        is_long=True,
        is_copied=True,
        slack=1,
    ),
)


class Fetchable(Protocol):
    """Anything that has a name, a file name and a maker."""

    @property
    def name(self) -> str:
        """Unique."""
        ...

    @property
    def file(self) -> str:
        """The name that the file is uploaded under."""
        ...

    @property
    def make(self) -> Callable[[Path], None]:
        """Writes the file."""
        ...


def fetch(source: Fetchable, folder: Path) -> Path:
    """Give the source's file below `folder`, made by the first process that asks."""
    home = folder / source.name
    home.mkdir(parents=True, exist_ok=True)
    path = home / source.file
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            work = home / f"work-{os.getpid()}"
            work.mkdir()
            source.make(work / source.file)
            for made in work.iterdir():
                made.replace(home / made.name)
            work.rmdir()
    return path
