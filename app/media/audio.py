"""Makes the audio renditions: each sound track once, whole, shared by all video renditions.

Sound encoded in chunks drifts (measured: 121 ms after six chunks); whole it stays exact.
"""

from pathlib import Path

from app.media.plan import AudioTrack, Plan
from app.media.limits import ENCODE_LIMITS, Limits
from app.media.ffmpeg import OnProgress


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
    `package.cut` can publish what is there already.
    """
    raise NotImplementedError
