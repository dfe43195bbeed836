"""The picture that is shown while a sound-only file plays."""

from pathlib import Path

from app.media.plan import Plan
from app.media.limits import PICTURE_LIMITS, Limits
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
    """Write the cover art of `source`, else `fallback`, else a plain surface, as a PNG of the top rung's size."""
    raise NotImplementedError
