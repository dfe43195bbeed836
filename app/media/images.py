"""Pictures that people upload: avatars, banners, thumbnails of their own."""

from collections.abc import Sequence
from pathlib import Path

from app.media import sandbox
from app.media.limits import PICTURE_LIMITS, Limits
from app.media.outputs import removed_on_error
from app.media.thumbnails import Picture, PictureSize, written


async def resize(
    source: Path,
    folder: Path,
    sizes: Sequence[PictureSize],
    *,
    nice: int = 5,
    limits: Limits = PICTURE_LIMITS,
) -> tuple[Picture, ...]:
    """Write `folder/<size>.jpg` for each size: turned by its EXIF, cropped to fill, without
    metadata.

    Raises MediaError NOT_A_PICTURE or TOO_LARGE_PICTURE.
    """
    with removed_on_error(*(folder / f"{size.name}.jpg" for size in sizes)):
        await sandbox.call(
            "app.media.sandboxed.pictures:resize",
            {
                "source": source,
                "folder": folder,
                "sizes": sizes,
            },
            limits=limits,
            nice=nice,
        )
    return written(folder, sizes)
