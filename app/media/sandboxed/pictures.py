"""Pictures made of other pictures; the child's half of `app.media.images` and `app.media.still`."""

import warnings
from pathlib import Path
from typing import Final, cast

from PIL import Image, ImageOps, UnidentifiedImageError

from app.media import records
from app.media.errors import MediaError, Reason
from app.media.probe import Probe
from app.media.sandboxed import canvas
from app.media.sandboxed.frames import cover_art
from app.media.thumbnails import PictureSize

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")
MOST_PIXELS: Final = 72_000_000


def open_picture(path: Path) -> Image.Image:
    """Open a stranger's picture, upright and opaque. Raises NOT_A_PICTURE, TOO_LARGE_PICTURE."""
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own bound is lower
    known = [name for name in FORMATS if name in Image.registered_extensions().values()]
    try:
        image = Image.open(path, formats=known)
        if image.width * image.height > MOST_PIXELS:
            raise MediaError(
                Reason.TOO_LARGE_PICTURE,
                f"The picture is {image.width} by {image.height} pixels, which is too large.",
            )
        return canvas.opaque(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError as error:
        raise MediaError(
            Reason.TOO_LARGE_PICTURE, "The picture has far too many pixels.", str(error)
        ) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise MediaError(
            Reason.NOT_A_PICTURE, "This file is not a picture we can read.", str(error)
        ) from error


def sizes_in(value: object) -> list[PictureSize]:
    """Read a list of sizes."""
    return [records.load(PictureSize, size) for size in cast("list[object]", value)]


def resize(argument: object) -> object:
    """Take `{"source", "folder", "sizes": [[name, width, height]]}`; write cropped JPEGs."""
    values = cast("dict[str, object]", argument)
    folder = Path(cast(str, values["folder"]))
    image = open_picture(Path(cast(str, values["source"])))
    for size in sizes_in(values["sizes"]):
        canvas.write_jpeg(canvas.fill(image, size.width, size.height), folder / f"{size.name}.jpg")
    return None


def still(argument: object) -> object:
    """Take `{"source", "probe", "output", "fallback", "size"}`; write what a sound-only video
    shows.
    """
    values = cast("dict[str, object]", argument)
    probe = records.load(Probe, values["probe"])
    width, height = cast("list[int]", values["size"])
    image = cover_art(Path(cast(str, values["source"])), probe)
    if image is None and values["fallback"]:
        image = open_picture(Path(cast(str, values["fallback"])))
    picture = canvas.frame(image, width, height) if image else canvas.surface(width, height)
    canvas.write_jpeg(picture, Path(cast(str, values["output"])), quality=92)
    return None
