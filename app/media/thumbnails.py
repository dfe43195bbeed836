"""Thumbnails of a video: a good key frame in several sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.media import sandbox
from app.media.limits import PICTURE_LIMITS, Limits
from app.media.outputs import removed_on_error
from app.media.probe import Probe


@dataclass(frozen=True, slots=True)
class PictureSize:
    """A named size in pixels."""

    name: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A written picture."""

    name: str
    path: Path
    width: int
    height: int


THUMBNAIL_SIZES: Final = (
    PictureSize("small", 280, 157),
    PictureSize("medium", 850, 480),
    PictureSize("large", 1280, 720),
)  # the first two are what PeerTube's clients expect


async def make_thumbnails(
    source: Path,
    probe: Probe,
    folder: Path,
    *,
    sizes: tuple[PictureSize, ...] = THUMBNAIL_SIZES,
    at: float | None = None,
    nice: int = 10,
    limits: Limits = PICTURE_LIMITS,
) -> tuple[Picture, ...]:
    """Write `folder/<size>.jpg` for each size, from a key frame near the middle that is not black.

    `at` (seconds) asks for the key frame before a moment instead. Portrait pictures stand on a
    blurred copy of themselves. A sound-only file gives its cover art; without one, NO_STREAMS.
    """
    with removed_on_error(*(folder / f"{size.name}.jpg" for size in sizes)):
        await sandbox.call(
            "app.media.sandboxed.stills:thumbnails",
            {
                "source": source,
                "probe": probe,
                "folder": folder,
                "sizes": sizes,
                "at": at,
            },
            limits=limits,
            nice=nice,
        )
    return written(folder, sizes)


def written(folder: Path, sizes: Sequence[PictureSize]) -> tuple[Picture, ...]:
    """The pictures that a child wrote into `folder`, one for each size."""
    return tuple(
        Picture(size.name, folder / f"{size.name}.jpg", size.width, size.height) for size in sizes
    )
