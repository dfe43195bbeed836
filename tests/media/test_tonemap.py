"""HDR becomes SDR by a curve that keeps darkness, order and greys."""

from itertools import pairwise
from pathlib import Path

import pytest

from app.media import tonemap

TRANSFERS = ("smpte2084", "arib-std-b67")


@pytest.mark.parametrize("light", [0.0, 0.01, 1, 100, 1000, 10000])
def test_pq_is_inverted(light: float) -> None:
    assert tonemap.pq_to_light(tonemap.light_to_pq(light)) == pytest.approx(light, rel=1e-6)


def test_pq_has_its_standard_values() -> None:
    assert tonemap.light_to_pq(100) == pytest.approx(0.5081, abs=1e-4)
    assert tonemap.light_to_pq(1000) == pytest.approx(0.7518, abs=1e-4)


def test_the_curve_keeps_dark_parts_and_never_exceeds_white() -> None:
    lights = [0.0, 0.1, 1, 5, 20, 50, 90, 150, 203, 400, 1000, 5000, 10000]
    mapped = [tonemap.compress(light) for light in lights]
    assert mapped[:6] == pytest.approx(lights[:6], rel=1e-6)
    assert all(before <= after for before, after in pairwise(mapped))
    assert max(mapped) == pytest.approx(tonemap.WHITE, rel=1e-6)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_black_white_and_greys(transfer: str) -> None:
    size = 9
    colours = list(tonemap.table(transfer, size))
    assert len(colours) == size**3
    greys = [colours[step * (1 + size + size * size)] for step in range(size)]
    assert greys[0] == (0, 0, 0)
    assert greys[-1] == pytest.approx((1, 1, 1), abs=0.01)
    for grey in greys:
        assert max(grey) - min(grey) < 0.01
    assert [grey[0] for grey in greys] == sorted(grey[0] for grey in greys)
    assert all(0 <= channel <= 1 for colour in colours for channel in colour)


def test_red_changes_fastest() -> None:
    colours = list(tonemap.table("smpte2084", 3))
    assert colours[2][0] > colours[2][2]
    assert colours[18][2] > colours[18][0]


def test_the_file_is_a_cube(tmp_path: Path) -> None:
    lines = tonemap.write_cube(tmp_path / "a.cube", "smpte2084").read_text().splitlines()
    assert lines[0] == f"LUT_3D_SIZE {tonemap.SIZE}"
    assert len(lines) == 1 + tonemap.SIZE**3
