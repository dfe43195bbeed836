"""The sprite of small pictures that a player shows over its seek bar."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from app.media import records, sandbox
from app.media.limits import PICTURE_LIMITS, Limits
from app.media.probe import Probe

TILE: Final = (192, 108)
MOST_PER_SIDE: Final = 11


@dataclass(frozen=True, slots=True)
class Storyboard:
    """A written sprite: tiles in rows, `interval` seconds apart."""

    path: Path
    tile_width: int
    tile_height: int
    columns: int
    rows: int
    tiles: int
    interval: float


async def make_storyboard(
    source: Path,
    probe: Probe,
    output: Path,
    *,
    nice: int = 10,
    limits: Limits = PICTURE_LIMITS,
) -> Storyboard:
    """Write a JPEG sprite of at most 11 by 11 tiles within 192 by 108 pixels, from key frames only.

    Cheapest from a low rendition of our own (a key frame every two seconds) and its probe. Raises
    NO_STREAMS for a file without moving picture.
    """
    answer = await sandbox.call(
        "app.media.sandboxed.stills:storyboard",
        {
            "source": source,
            "probe": probe,
            "output": output,
            "tile": TILE,
            "side": MOST_PER_SIDE,
        },
        limits=limits,
        nice=nice,
    )
    numbers = cast("dict[str, object]", answer)
    return records.load(Storyboard, {"path": str(output), **numbers})
