"""HDR to SDR as a colour table, so that every worker's ffmpeg does it alike.

A 33³ table, looked up in R'G'B' by `lut3d`, needs no optional library of ffmpeg's (zscale and
tonemap do; they took 39 ms for a 1080p frame where this takes 54). The curve is the EETF of ITU-R
BT.2390 on the largest of the three channels (hues stay), with HDR reference white (203 cd/m², ITU-R
BT.2408) becoming SDR white; then BT.2020 to BT.709 primaries and BT.1886's gamma.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

SIZE: Final = 33
PEAK: Final = 1000.0
"""cd/m²: what HDR10 and HLG are usually graded for; brighter parts become white."""
WHITE: Final = 203.0
GAMMA: Final = 2.4

# SMPTE ST 2084
M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# ARIB STD-B67
HLG_A, HLG_B, HLG_C = 0.17883277, 0.28466892, 0.55991073
HLG_GAMMA: Final = 1.2

TO_709: Final = (
    (1.6605, -0.5876, -0.0728),
    (-0.1246, 1.1329, -0.0083),
    (-0.0182, -0.1006, 1.1187),
)  # ITU-R BT.2087 inverted


def pq_to_light(code: float) -> float:
    """A PQ code, 0 to 1, as cd/m²."""
    power = code ** (1 / M2)
    return float(10000 * (max(0.0, power - C1) / (C2 - C3 * power)) ** (1 / M1))


def light_to_pq(light: float) -> float:
    """The inverse of `pq_to_light`."""
    power = (max(0.0, light) / 10000) ** M1
    return float(((C1 + C2 * power) / (1 + C3 * power)) ** M2)


def hlg_to_scene(code: float) -> float:
    """An HLG code as light of the scene, 0 to 1."""
    if code <= 0.5:
        return code * code / 3
    return float((2.718281828459045 ** ((code - HLG_C) / HLG_A) + HLG_B) / 12)


def compress(light: float) -> float:
    """BT.2390's curve: cd/m² up to PEAK into cd/m² up to WHITE; dark parts stay as they are."""
    peak = light_to_pq(PEAK)
    level = min(1.0, light_to_pq(light) / peak)
    most = light_to_pq(WHITE) / peak
    knee = 1.5 * most - 0.5
    if level > knee:
        t = (level - knee) / (1 - knee)
        level = (
            (2 * t**3 - 3 * t**2 + 1) * knee
            + (t**3 - 2 * t**2 + t) * (1 - knee)
            + (3 * t**2 - 2 * t**3) * most
        )
    return pq_to_light(level * peak)


def table(transfer: str, size: int = SIZE) -> Iterator[tuple[float, float, float]]:
    """SDR R'G'B' for every HDR R'G'B' of the grid, red fastest; `transfer` as ffmpeg names it."""
    codes = [step / (size - 1) for step in range(size)]
    is_hlg = transfer == "arib-std-b67"
    lights = [hlg_to_scene(code) if is_hlg else pq_to_light(code) for code in codes]
    ratios = {light: compress(light) / light if light else 1.0 for light in lights}
    for blue in lights:
        for green in lights:
            for red in lights:
                rgb = (red, green, blue)
                if is_hlg:
                    yield _to_sdr(_to_display(rgb), None)
                else:
                    yield _to_sdr(rgb, ratios[max(rgb)])


def _to_display(rgb: tuple[float, float, float]) -> tuple[float, float, float]:
    """HLG's OOTF for a display of PEAK."""
    luminance = 0.2627 * rgb[0] + 0.6780 * rgb[1] + 0.0593 * rgb[2]
    gain = PEAK * luminance ** (HLG_GAMMA - 1) if luminance else 0.0
    return (rgb[0] * gain, rgb[1] * gain, rgb[2] * gain)


def _to_sdr(light: tuple[float, float, float], ratio: float | None) -> tuple[float, float, float]:
    if ratio is None:
        brightest = max(light)
        ratio = compress(brightest) / brightest if brightest else 1.0
    scale = ratio / WHITE
    red, green, blue = (
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, light, strict=True)) * scale))
        ** (1 / GAMMA)
        for row in TO_709
    )
    return red, green, blue


def write_cube(path: Path, transfer: str) -> Path:
    """Write the table as a `.cube` file for ffmpeg's lut3d. Takes about 0.2 s of CPU."""
    with path.open("w", encoding="ascii") as file:
        file.write(f"LUT_3D_SIZE {SIZE}\n")
        file.writelines(f"{r:.5f} {g:.5f} {b:.5f}\n" for r, g, b in table(transfer))
    return path
