"""Avatars and banners: resized in a child process, kept in storage, removed by a job."""

import contextlib
import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.accounts.leftovers import remove_pictures
from app.accounts.schemas import now
from app.config import settings
from app.core.errors import InvalidError
from app.core.jobs import enqueue
from app.core.storage import storage
from app.media import images
from app.media.errors import MediaError
from app.media.thumbnails import Picture, PictureSize

#: PeerTube's limit for both, in bytes
MAX_BYTES: Final = 4 * 1024**2
#: a request with one, in its form
MAX_REQUEST: Final = MAX_BYTES + 64 * 1024


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of picture: the folder in storage and the sizes that are kept."""

    folder: str
    sizes: tuple[PictureSize, ...]


#: PeerTube's sizes
AVATAR: Final = Kind(
    "avatars", tuple(PictureSize(str(side), side, side) for side in (48, 120, 600, 1500))
)
BANNER: Final = Kind("banners", (PictureSize("600", 600, 100), PictureSize("1920", 1920, 317)))


@contextlib.asynccontextmanager
async def stored(picture: Path, kind: Kind) -> AsyncIterator[list[dict[str, Any]]]:
    """The sizes of an uploaded picture, in storage; they are taken out again when the block fails.

    Each is `{"width", "height", "filename", "created_at"}`, smallest first. Raises InvalidError
    when the file is no picture.
    """
    work = settings().storage.work
    work.mkdir(parents=True, exist_ok=True)
    name, made_at = secrets.token_hex(12), now()
    keys: list[str] = []
    try:
        with tempfile.TemporaryDirectory(dir=work, prefix="picture-") as folder:
            sizes: list[dict[str, Any]] = []
            for made in await _resize(picture, Path(folder), kind):
                filename = f"{name}-{made.width}.jpg"
                keys.append(f"{kind.folder}/{filename}")
                await storage().put_file(keys[-1], made.path)
                sizes.append(
                    {
                        "width": made.width,
                        "height": made.height,
                        "filename": filename,
                        "created_at": made_at,
                    }
                )
        yield sizes
    except BaseException:
        await storage().delete(*keys)
        raise


async def _resize(picture: Path, folder: Path, kind: Kind) -> Sequence[Picture]:
    try:
        return await images.resize(picture, folder, kind.sizes)
    except MediaError as error:
        if not error.is_files_fault:
            raise
        raise InvalidError(error.message, code=error.code, field="file") from error


async def remove_later(kind: Kind, sizes: Sequence[dict[str, Any]]) -> None:
    """Have a picture's files removed once this transaction has committed."""
    if sizes:
        keys = [f"{kind.folder}/{size['filename']}" for size in sizes]
        await enqueue(remove_pictures, keys=keys)
