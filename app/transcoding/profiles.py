"""Which encoder makes a video's renditions, with how many threads, how many rungs in one run."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from app.config import settings
from app.core.db import fetch
from app.media import encoders
from app.media.limits import GIB
from app.media.plan import LadderSettings, Rung

log = structlog.get_logger(__name__)

FALLBACK: Final = "x264"
#: What one run needs for a whole 1080p ladder; media.md measured 1.15 GB resident with x264.
LADDER_MEMORY: Final = 1.5 * GIB
#: More do not make a ladder's first seconds any faster.
MOST_THREADS: Final = 4
#: The largest short side of what is made before everything else: good enough to begin to watch, and
#: 3.9 of the 13 CPU seconds that the first chunk of a 1080p ladder was measured to take.
FIRST_RESOLUTION: Final = 480
#: Workers seen within so many seconds count.
_WORKERS: Final = """
SELECT id, encoders FROM worker WHERE lane IN ('transcode', 'gpu')
AND seen_at > now() - interval '1 minute'"""


async def probe_encoders() -> dict[str, str | None]:
    """Try the profiles that the settings name on this host: None where one works, else why not."""
    wanted = dict.fromkeys(
        [FALLBACK, settings().transcoding.encoder, *settings().transcoding.extra_codecs]
    )
    return {name: await encoders.usable(name) for name in wanted}


async def ladder_settings() -> LadderSettings:
    """The site's wishes, with encoders that every worker has: chunks may be made on any of them."""
    configured = settings().transcoding
    extra = [name for name in configured.extra_codecs[:1] if await _usable_everywhere(name)]
    encoder = configured.encoder if await _usable_everywhere(configured.encoder) else FALLBACK
    return LadderSettings(
        resolutions=tuple(configured.resolutions),
        max_fps=configured.max_fps,
        encoder=encoder,
        extra_encoder=extra[0] if extra else None,
    )


async def _usable_everywhere(profile: str) -> bool:
    if profile == FALLBACK:
        return True
    rows = await fetch(_WORKERS)
    reasons = {row["id"]: (row["encoders"] or {}).get(profile, "never tried") for row in rows}
    if not rows:
        reasons["here"] = await encoders.usable(profile)
    unusable = {worker: reason for worker, reason in reasons.items() if reason is not None}
    if unusable:
        log.warning("encoder is not usable on every worker", profile=profile, reasons=unusable)
    return not unusable


def threads(*, is_awaited: bool) -> int:
    """Threads of one encoder: the setting, else the cores among the encodes at once.

    A ladder whose encoders have one thread each takes a fifth less CPU time than with two, and as
    many ladders at once as there are cores keep them busy. Where somebody waits for one to play,
    its own time matters: it may have all of them.
    """
    configured = settings().transcoding.threads
    if configured or not is_awaited:
        return configured or -(-_cores() // max(1, slots() - 1))
    return min(_cores(), MOST_THREADS)


def slots() -> int:
    """Encodes at once on this host: one a core, and the one that is kept for first renditions."""
    return settings().workers.transcode_slots or _cores() + 1


def runs(rungs: Sequence[Rung], *, memory: float | None = None) -> list[tuple[Rung, ...]]:
    """The rungs of each run of ffmpeg: all in one, or the largest apart where memory is short."""
    each = (_memory() if memory is None else memory) / slots()
    if len(rungs) > 1 and each < LADDER_MEMORY and rungs[0].resolution > 480:
        return [tuple(rungs[1:]), (rungs[0],)]
    return [tuple(rungs)] if rungs else []


def awaited_runs(rungs: Sequence[Rung]) -> list[tuple[Rung, ...]]:
    """The runs where somebody waits for a video to play: one rung by itself comes first."""
    if len(rungs) < 2:
        return runs(rungs)
    small = [rung for rung in rungs if rung.resolution <= FIRST_RESOLUTION]
    first = max(small, key=_size) if small else min(rungs, key=_size)
    return [(first,), *runs([rung for rung in rungs if rung is not first])]


def _size(rung: Rung) -> int:
    return rung.resolution


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _memory() -> float:
    """Bytes that this host, or the control group of this process, has."""
    found = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return found
    return min(found, float(limit)) if limit.isdecimal() else found
