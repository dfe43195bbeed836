"""Fits pictures into the sizes that pages show, and writes them as JPEG."""

from pathlib import Path
from typing import Final

from PIL import Image, ImageEnhance, ImageFilter, ImageOps

QUALITY: Final = 82
CROPPED: Final = 0.15
"""A picture loses at most this part of a side to cropping; other shapes stand on a blurred copy."""
SURFACE: Final = (32, 33, 38)


def fill(image: Image.Image, width: int, height: int) -> Image.Image:
    """Crop to exactly this size, from the middle."""
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def frame(image: Image.Image, width: int, height: int) -> Image.Image:
    """Fill nearly equal shapes; put others (portraits, old television) whole on a blurred copy."""
    shape, wanted = image.width / image.height, width / height
    if min(shape / wanted, wanted / shape) >= 1 - CROPPED:
        return fill(image, width, height)
    back = fill(image, max(1, width // 8), max(1, height // 8)).filter(ImageFilter.GaussianBlur(4))
    back = back.resize((width, height), Image.Resampling.BICUBIC)
    back = ImageEnhance.Brightness(back).enhance(0.6)
    front = ImageOps.contain(image, (width, height), Image.Resampling.LANCZOS)
    back.paste(front, ((width - front.width) // 2, (height - front.height) // 2))
    return back


def opaque(image: Image.Image) -> Image.Image:
    """RGB without transparency, on white."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def surface(width: int, height: int) -> Image.Image:
    """What is shown where there is no picture at all."""
    return Image.new("RGB", (width, height), SURFACE)


def write_jpeg(image: Image.Image, path: Path, *, quality: int = QUALITY) -> None:
    """Write without metadata; never leave half a file."""
    part = path.with_name(f".{path.name}.part")
    try:
        image.save(part, "JPEG", quality=quality, optimize=True, progressive=True)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
