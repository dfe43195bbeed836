"""The picture that is shown while a sound-only file plays."""

from pathlib import Path

from app.media import sandbox
from app.media.limits import PICTURE_LIMITS, Limits
from app.media.plan import Plan
from app.media.probe import Probe


async def make_still(
    source: Path,
    probe: Probe,
    plan: Plan,
    output: Path,
    *,
    fallback: Path | None = None,
    nice: int = 10,
    limits: Limits = PICTURE_LIMITS,
) -> Path:
    """Write what a sound-only video shows, as a JPEG of its rung's size.

    The cover art of `source`, else `fallback`, else a plain surface.
    """
    rung = plan.rungs[0]
    await sandbox.call(
        "app.media.sandboxed.pictures:still",
        {
            "source": source,
            "probe": probe,
            "output": output,
            "fallback": fallback,
            "size": [rung.width, rung.height],
        },
        limits=limits,
        nice=nice,
    )
    return output
