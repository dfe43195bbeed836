"""Every kind of file a person might upload, with its known contents: `SOURCES`.

`fetch(source, folder)` makes a file once, however many processes ask for it.
"""

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Protocol

from tests.media.makers import (
    AAC,
    H265,
    INTERLACED,
    MPEG2,
    SIZE,
    X264,
    cut_by_edit_list,
    film,
    hdr,
    late_start,
    longer_sound,
    phone,
    picture,
    picture_first,
    raw,
    run,
    several_tracks,
    silent,
    sound,
    sound_first,
    three_hours,
    tone,
    turned,
    varying,
    with_cover,
)

__all__ = [
    "AAC",
    "SOURCES",
    "X264",
    "Fetchable",
    "Source",
    "fetch",
    "film",
    "picture",
    "run",
    "silent",
    "sound",
    "tone",
]

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
    Source(
        "vp8-webm",
        "a.webm",
        film("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libvorbis"),
    ),
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
