"""Sizes and bit rates of the renditions."""

from fractions import Fraction
from itertools import pairwise
from typing import Final

from app.media import timeline
from app.media.encoders import PROFILES
from app.media.plan import LadderSettings, Rung
from app.media.probe import VideoStream

BITS_PER_PIXEL: Final = {
    144: (0.19, 0.32),
    240: (0.17, 0.29),
    360: (0.15, 0.26),
    480: (0.12, 0.22),
    720: (0.11, 0.19),
    1080: (0.10, 0.17),
    1440: (0.09, 0.16),
    2160: (0.08, 0.14),
}
"""By short side: the cap of an encoded rendition and the most a copied source may have, in bits per
pixel and frame of H.264 (the figures PeerTube 8 uses, so that sizes are what its users know)."""
LEAST_BITS_PER_PIXEL: Final = 0.02
HEADROOM: Final = {"hevc": 2.0, "vp9": 2.0, "av1": 2.5, "vvc": 3.0}
"""A source's bit rate times this bounds ours: better codecs than H.264 need that much less."""
USUAL_HEADROOM: Final = 1.3
WORTHWHILE: Final = 0.8
"""A rendition must have at most this part of the next larger one's pixels."""
STEP_BELOW: Final = 720
"""Renditions with a shorter side than this halve rates above 30 frames a second: nobody sees 60
there, and it saves two fifths of their bits and half of their encoding.
"""
LONGEST_SIDE: Final = 8192
SHORTEST_SIDE: Final = 16


def rungs_for(
    video: VideoStream, fps: Fraction, gop: int, settings: LadderSettings, *, is_copied: bool
) -> list[Rung]:
    """The ladder, largest first: the source's own size within the settings, and what is below."""
    sizes = ladder_sizes(video.display_size, settings.resolutions)
    rungs = [
        make_rung(size, video, fps, gop, None if is_copied and size is sizes[0] else encoder)
        for encoder in (settings.encoder, settings.extra_encoder)
        if encoder
        for size in sizes
        if not (is_copied and encoder == settings.extra_encoder and size is sizes[0])
    ]
    return sorted(rungs, key=lambda rung: -rung.resolution)


def ladder_sizes(shown: tuple[int, int], resolutions: tuple[int, ...]) -> list[tuple[int, int]]:
    """Widths and heights of the ladder for a picture shown at `shown` pixels, largest first."""
    short = min(shown)
    largest = max(resolutions)
    sizes = [scaled(shown, min(short, largest))]
    for resolution in sorted(resolutions, reverse=True):
        size = scaled(shown, resolution)
        if resolution < short and size[0] * size[1] <= sizes[-1][0] * sizes[-1][1] * WORTHWHILE:
            sizes.append(size)
    return sizes


def scaled(shown: tuple[int, int], short: int) -> tuple[int, int]:
    """Even width and height with the given short side and the picture's shape."""
    width, height = shown
    factor = Fraction(short, min(shown))
    factor = min(factor, Fraction(LONGEST_SIDE, max(shown)))
    if short == min(shown) and factor == 1:  # its own size: cut, not stretched, to even numbers
        return max(SHORTEST_SIDE, width - width % 2), max(SHORTEST_SIDE, height - height % 2)
    return _even(width * factor), _even(height * factor)


def _even(length: Fraction) -> int:
    return max(SHORTEST_SIDE, 2 * round(length / 2))


def make_rung(
    size: tuple[int, int], video: VideoStream, fps: Fraction, gop: int, encoder: str | None
) -> Rung:
    """One rung with its rate and its cap."""
    resolution = min(size)
    step = 2 if fps > timeline.SMOOTH and resolution < STEP_BELOW and encoder else 1
    suffix = PROFILES[encoder].suffix if encoder else ""
    efficiency = PROFILES[encoder].bits if encoder else 1.0
    rate = fps / step
    cap = round(most_bits(size, rate, video) * efficiency) if encoder else video.bitrate
    return Rung(
        name=f"{resolution}p{suffix}",
        resolution=resolution,
        width=size[0],
        height=size[1],
        fps=rate,
        step=step,
        gop=gop // step,
        max_bitrate=cap,
        encoder=encoder,
    )


def most_bits(size: tuple[int, int], fps: Fraction, video: VideoStream) -> int:
    """Bits per second an H.264 rendition of this size may take at most."""
    pixels = size[0] * size[1] * float(fps)
    bits = bits_per_pixel(min(size))[0] * pixels
    if video.bitrate:
        bits = min(bits, video.bitrate * HEADROOM.get(video.codec, USUAL_HEADROOM))
    return round(max(bits, LEAST_BITS_PER_PIXEL * pixels, 16_000))


def bits_per_pixel(resolution: int) -> tuple[float, float]:
    """The two figures of the table, in between by straight lines."""
    known = sorted(BITS_PER_PIXEL)
    if resolution <= known[0]:
        return BITS_PER_PIXEL[known[0]]
    for below, above in pairwise(known):
        if resolution <= above:
            part = (resolution - below) / (above - below)
            (cap_a, most_a), (cap_b, most_b) = BITS_PER_PIXEL[below], BITS_PER_PIXEL[above]
            return cap_a + (cap_b - cap_a) * part, most_a + (most_b - most_a) * part
    return BITS_PER_PIXEL[known[-1]]
