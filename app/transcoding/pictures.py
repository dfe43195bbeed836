"""Thumbnails and the storyboard of a video, made from its file and put into storage.

Their names follow from the video's uuid, so that an attempt that is repeated makes no second ones.
"""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

from app.core.storage import storage
from app.media import images, probe, storyboard, thumbnails
from app.media.errors import MediaError, Reason
from app.media.probe import Probe
from app.media.thumbnails import THUMBNAIL_SIZES, Picture


def picture_keys(uuid: UUID) -> list[str]:
    """Where the pictures are that are made of a video."""
    sizes = [f"thumbnails/{_thumbnail(uuid, size.name)}" for size in THUMBNAIL_SIZES]
    return [*sizes, f"storyboards/{uuid}.jpg"]


async def make_thumbnails(
    uuid: UUID, path: Path, probed: Probe, folder: Path, *, still: Path | None, nice: int
) -> list[dict[str, Any]]:
    """The thumbnails of a video (of the still picture, where it is sound only), smallest first.

    Gives `models.Video.thumbnails`. Raises MediaError.
    """
    if still is not None:
        pictures = await images.resize(still, folder, THUMBNAIL_SIZES, nice=nice)
    else:
        pictures = await thumbnails.make_thumbnails(path, probed, folder, nice=nice)
    return [await _keep(uuid, picture) for picture in pictures]


async def make_storyboard(
    uuid: UUID, path: Path, folder: Path, *, nice: int
) -> dict[str, Any] | None:
    """The storyboard of a rendition of ours, as `models.Video.storyboard`; None for mere sound."""
    output = folder / "storyboard.jpg"
    try:
        made = await storyboard.make_storyboard(path, await probe.probe(path), output, nice=nice)
    except MediaError as error:
        if error.reason is Reason.NO_STREAMS:
            return None
        raise
    filename = f"{uuid}.jpg"
    await storage().put_file(f"storyboards/{filename}", made.path)
    return {
        "filename": filename,
        "tile_width": made.tile_width,
        "tile_height": made.tile_height,
        "columns": made.columns,
        "rows": made.rows,
        "interval": made.interval,
        "count": made.tiles,
    }


async def _keep(uuid: UUID, picture: Picture) -> dict[str, Any]:
    filename = _thumbnail(uuid, picture.name)
    content = await asyncio.to_thread(picture.path.read_bytes)
    await storage().put_bytes(f"thumbnails/{filename}", content, "image/jpeg")
    return {"width": picture.width, "height": picture.height, "filename": filename}


def _thumbnail(uuid: UUID, size: str) -> str:
    return f"{uuid}-{size}.jpg"
