"""Thumbnails and storyboards; the child's half of `app.media.thumbnails` and
`app.media.storyboard`.
"""

from bisect import bisect_right
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Final, cast

from av.video.frame import VideoFrame
from PIL import Image, ImageStat

from app.media import records
from app.media.errors import MediaError, Reason
from app.media.probe import Probe
from app.media.sandboxed import canvas
from app.media.sandboxed.frames import Film, cover_art, fitted
from app.media.sandboxed.pictures import sizes_in

PLACES: Final = (0.5, 0.35, 0.65, 0.2, 0.8, 0.1, 0.9, 0.02)
"""Where in the film a thumbnail is looked for, the best place first."""
TOO_DARK, TOO_FLAT = 24, 12
"""Mean and deviation of the luma, of 255, below which a frame says nothing."""
BOX: Final = (1920, 1920)
JPEG_QUALITY: Final = 70


def thumbnails(argument: object) -> object:
    """Take `{"source", "probe", "folder", "sizes", "at"}`; write a JPEG for each size."""
    values = cast("dict[str, object]", argument)
    probe = records.load(Probe, values["probe"])
    source, folder = Path(cast(str, values["source"])), Path(cast(str, values["folder"]))
    image = _best(source, probe, cast("float | None", values["at"]))
    for size in sizes_in(values["sizes"]):
        canvas.write_jpeg(canvas.frame(image, size.width, size.height), folder / f"{size.name}.jpg")
    return None


def _best(source: Path, probe: Probe, at: float | None) -> Image.Image:
    if probe.video is None:
        cover = cover_art(source, probe)
        if cover is None:
            raise MediaError(Reason.NO_STREAMS, "There is no picture in this file.")
        return cover
    best: tuple[float, Image.Image] | None = None
    with Film(source, probe) as film:
        length = float(film.video.end - film.video.start)
        places = [at] if at is not None else [place * length for place in PLACES]
        for place in places:
            found = film.key_frame(film.video.start + Fraction(place))
            if found is None:
                continue
            image = film.picture(found, BOX)
            luma = ImageStat.Stat(image.resize((64, 36)).convert("L"))
            mean, deviation = luma.mean[0], luma.stddev[0]
            if at is not None or (mean >= TOO_DARK and deviation >= TOO_FLAT):
                return image
            if best is None or deviation > best[0]:
                best = (deviation, image)
        first = film.first_frame() if best is None else None
        if first is not None:
            return film.picture(first, BOX)
    if best is None:
        raise MediaError(Reason.DAMAGED, "This file is damaged: no picture in it could be read.")
    return best[1]


def storyboard(argument: object) -> object:
    """Take `{"source", "probe", "output", "tile", "side"}`; give the storyboard's numbers."""
    values = cast("dict[str, object]", argument)
    probe = records.load(Probe, values["probe"])
    side = cast(int, values["side"])
    with Film(Path(cast(str, values["source"])), probe) as film:
        width, height = cast("list[int]", values["tile"])
        tile = fitted(film.video.display_size, (width, height))
        length = float(film.video.end - film.video.start)
        interval = max(1.0, length / side**2)
        count = min(side**2, max(1, ceil(length / interval)))
        columns = min(side, count)
        rows = ceil(count / columns)
        sprite = Image.new("RGB", (columns * tile[0], rows * tile[1]))
        for number, image in enumerate(_tiles(film, count, interval, tile)):
            sprite.paste(image, (number % columns * tile[0], number // columns * tile[1]))
    canvas.write_jpeg(sprite, Path(cast(str, values["output"])), quality=JPEG_QUALITY)
    return {
        "tile_width": tile[0],
        "tile_height": tile[1],
        "columns": columns,
        "rows": rows,
        "tiles": count,
        "interval": interval,
    }


def _tiles(film: Film, count: int, interval: float, tile: tuple[int, int]) -> list[Image.Image]:
    """The key frame before the middle of each interval; one that serves twice is decoded once."""
    keys = film.video.keyframes
    tiles: list[Image.Image] = []
    last_key: float | None = None
    for number in range(count):
        time = float(film.video.start) + (number + 0.5) * interval
        place = bisect_right(keys, time)
        key = keys[place - 1] if place else None
        if tiles and key is not None and key == last_key:
            tiles.append(tiles[-1])
            continue
        found: VideoFrame | None = film.key_frame(key + 0.001 if key is not None else time)
        if found is None and not tiles:
            found = film.first_frame()
        if found is not None:
            tiles.append(film.picture(found, tile).resize(tile))
        elif tiles:
            tiles.append(tiles[-1])
        else:
            raise MediaError(
                Reason.DAMAGED, "This file is damaged: no picture in it could be read."
            )
        last_key = key
    return tiles
