"""Makes the audio renditions: each sound track once, whole, shared by all video renditions.

Sound encoded in chunks drifts (measured: 121 ms after six chunks); whole it stays exact.
"""

from fractions import Fraction
from pathlib import Path
from typing import Final

from app.media import ffmpeg
from app.media.ffmpeg import OnProgress
from app.media.limits import ENCODE_LIMITS, Limits
from app.media.outputs import NO_EXTRAS, removed_on_error
from app.media.plan import AudioTrack, Plan

AAC_FRAME: Final = 1024
"""Samples in an AAC packet, and those that ffmpeg's encoder puts out before the first it got."""
FRAGMENTED: Final = (
    *("-frag_duration", "2000000", "-movflags", "empty_moov+default_base_moof+skip_trailer"),
    *("-f", "mp4"),
)


async def encode_audio(
    source: Path,
    plan: Plan,
    track: AudioTrack,
    output: Path,
    *,
    nice: int = 10,
    on_progress: OnProgress | None = None,
    limits: Limits = ENCODE_LIMITS,
) -> Path:
    """Write one sound track as fragmented MP4, as long as the time line and in step with it.

    Copies AAC-LC where `track.is_copy`. While it runs, `package.index(output, growing=True)` and
    `package.cut` can publish what is there already. Nothing is left after an error.
    """
    make = _copied(plan, track) if track.is_copy else _encoded(plan, track)
    with removed_on_error(output):
        await ffmpeg.run(
            [
                *ffmpeg.source(source, plan.source.container, "-copyts", "-vn", "-sn", "-dn"),
                *("-map", f"0:{track.stream}", *make, *NO_EXTRAS, *FRAGMENTED),
                ffmpeg.target(output),
            ],
            duration=float(plan.duration),
            on_progress=on_progress,
            limits=limits,
            nice=nice,
        )
    return output


def _encoded(plan: Plan, track: AudioTrack) -> list[str]:
    """Sound from the time line's start to its end, with silence where there is none.

    The encoder's first packet holds what lies before its input. Without the first 1024 samples that
    packet stands for them, and every later sample is exactly where it was: browsers need no edit
    list.
    """
    layout = "mono" if track.channels == 1 else "stereo"
    samples = max(4 * AAC_FRAME, round(plan.duration * track.sample_rate))
    filters = (
        f"asetpts=PTS-round({float(plan.source.start):.12f}/TB)",
        f"aresample={track.sample_rate}:async=1:first_pts=0",
        f"aformat=sample_fmts=fltp:channel_layouts={layout}",
        "apad",
        f"atrim=start_sample={AAC_FRAME}:end_sample={samples}",
    )
    return ["-af", ",".join(filters), "-c:a", "aac", "-b:a", str(track.bitrate)]


def _copied(plan: Plan, track: AudioTrack) -> list[str]:
    """The stream's own packets from the one nearest to the time line's start: at most half a packet
    (12 ms) early or late, half of what is audible."""
    begin = plan.source.start - Fraction(AAC_FRAME // 2, track.sample_rate)
    return ["-ss", f"{float(begin):.6f}", "-c", "copy"]
