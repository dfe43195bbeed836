"""Video encoders as data, and a real test of whether one works on this machine.

Every profile makes the same kind of stream: closed groups of pictures with a key frame exactly at
every multiple of the rung's `gop`, no other key frames, 4:2:0 in 8 bits, quality first and capped.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from app.media import ffmpeg
from app.media.errors import MediaError
from app.media.limits import GIB, Limits
from app.media.plan import Rung

TRIAL_LIMITS: Final = Limits(cpu_seconds=60, memory=16 * GIB, wall_seconds=60)


@dataclass(frozen=True, slots=True)
class Profile:
    """How one encoder is driven; in `arguments`, {gop} {bitrate} {kilobits} {average} {buffer}
    {threads} stand for the rung's figures.
    """

    codec: str
    arguments: tuple[str, ...]
    suffix: str = ""
    """Added to the names of rungs."""
    bits: float = 1.0
    """Its cap as a part of H.264's at equal quality."""
    before: tuple[str, ...] = ()
    """Global arguments that open its device."""
    upload: str = "format=yuv420p"
    """Filters at the end of each rung's chain; hardware takes NV12 and an upload."""


CAP: Final = ("-maxrate", "{bitrate}", "-bufsize", "{buffer}")
GOP: Final = ("-g", "{gop}", "-force_key_frames", "expr:not(mod(n,{gop}))")

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        "x264": Profile(
            codec="libx264",
            arguments=(
                *("-preset", "veryfast", "-crf", "23", "-profile:v", "high"),
                *(
                    *CAP,
                    *GOP,
                    "-keyint_min",
                    "{gop}",
                    "-sc_threshold",
                    "0",
                    "-threads",
                    "{threads}",
                ),
            ),
        ),
        "svtav1": Profile(
            codec="libsvtav1",
            arguments=(
                *("-preset", "10", "-crf", "38", "-g", "{gop}"),
                *("-svtav1-params", "lp={threads}:scd=0:mbr={kilobits}"),
            ),
            suffix="-av1",
            bits=0.65,
        ),
        "nvenc": Profile(
            codec="h264_nvenc",
            arguments=(
                *("-preset", "p4", "-rc", "vbr", "-cq", "24", "-profile:v", "high"),
                *(*CAP, *GOP, "-forced-idr", "1", "-no-scenecut", "1", "-bf", "3"),
            ),
        ),
        "vaapi": Profile(
            codec="h264_vaapi",
            before=("-vaapi_device", "/dev/dri/renderD128"),
            upload="format=nv12,hwupload",
            arguments=("-rc_mode", "VBR", "-b:v", "{average}", *CAP, *GOP, "-profile:v", "high"),
        ),
        "qsv": Profile(
            codec="h264_qsv",
            before=("-init_hw_device", "qsv=hw", "-filter_hw_device", "hw"),
            upload="format=nv12,hwupload=extra_hw_frames=64",
            arguments=(
                *("-preset", "medium", "-global_quality", "24", "-look_ahead", "1"),
                *(*CAP, *GOP, "-forced_idr", "1", "-profile:v", "high"),
            ),
        ),
        "v4l2m2m": Profile(
            codec="h264_v4l2m2m",
            arguments=("-b:v", "{average}", *GOP, "-num_capture_buffers", "32"),
            upload="format=yuv420p",
        ),
    }
)


def encode_arguments(rung: Rung, *, threads: int) -> list[str]:
    """The encoder's arguments for one rung. Raises KeyError for an unknown profile."""
    profile = PROFILES[rung.encoder or ""]
    figures = {
        "gop": rung.gop,
        "bitrate": rung.max_bitrate,
        "kilobits": max(1, rung.max_bitrate // 1000),
        "average": round(rung.max_bitrate * 0.7),
        "buffer": 2 * rung.max_bitrate,
        "threads": threads,
    }
    return ["-c:v", profile.codec, *(word.format_map(figures) for word in profile.arguments)]


def report() -> str:
    """A line for each profile: whether this machine can use it. Starts an event loop itself."""

    async def lines() -> list[str]:
        reasons = [(name, await usable(name)) for name in PROFILES]
        return [f"{name:<8} {reason or 'works'}" for name, reason in reasons]

    return "\n".join(asyncio.run(lines()))


async def usable(profile: str) -> str | None:
    """Encode a few frames with a profile; give None when it works, else the reason why not."""
    if profile not in PROFILES:
        return f"there is no encoder profile named {profile}"
    rung = Rung(
        name="trial",
        resolution=240,
        width=426,
        height=240,
        fps=Fraction(30),
        step=1,
        gop=4,
        max_bitrate=500_000,
        encoder=profile,
    )
    chosen = PROFILES[profile]
    try:
        await ffmpeg.run(
            [
                *chosen.before,
                *ffmpeg.pattern_source("testsrc2=size=426x240:rate=30"),
                *("-frames:v", "8", "-vf", chosen.upload),
                *(*encode_arguments(rung, threads=1), "-f", "null", "-"),
            ],
            limits=TRIAL_LIMITS,
        )
    except MediaError as error:
        return _reason(error)
    return None


def _reason(error: MediaError) -> str:
    """The first telling line of what the encoder said."""
    lines = [line.strip() for line in error.detail.splitlines() if line.strip()]
    return lines[0].partition("] ")[2] or lines[0] if lines else error.message
