"""QR codes read back by a reader of its own: format, mask, path, blocks, correction, bytes."""

import itertools
from collections.abc import Iterator

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sessions import qr

#: format words of level M by mask (ISO/IEC 18004, annex C)
FORMATS = (0x5412, 0x5125, 0x5E7C, 0x5B4B, 0x45F9, 0x40CE, 0x4F97, 0x4AA0)
#: blocks (count, codewords, data codewords) of level M (table 9)
BLOCKS = {
    1: [(1, 26, 16)],
    2: [(1, 44, 28)],
    3: [(1, 70, 44)],
    4: [(2, 50, 32)],
    5: [(2, 67, 43)],
    6: [(4, 43, 27)],
    7: [(4, 49, 31)],
    8: [(2, 60, 38), (2, 61, 39)],
    9: [(3, 58, 36), (2, 59, 37)],
    10: [(4, 69, 43), (1, 70, 44)],
}
#: centres of the alignment patterns (annex E)
ALIGNMENT = {
    1: [],
    2: [6, 18],
    3: [6, 22],
    4: [6, 26],
    5: [6, 30],
    6: [6, 34],
    7: [6, 22, 38],
    8: [6, 24, 42],
    9: [6, 26, 46],
    10: [6, 28, 50],
}


def is_function(version: int, x: int, y: int) -> bool:
    """Whether a module belongs to the patterns, not to the data."""
    side = 17 + 4 * version
    finder = (x < 9 and y < 9) or (x >= side - 8 and y < 9) or (x < 9 and y >= side - 8)
    numbers = version >= 7 and (
        (x < 6 and side - 11 <= y < side - 8) or (y < 6 and side - 11 <= x < side - 8)
    )
    last = ALIGNMENT[version][-1:]
    corners = {(6, 6), *((6, each) for each in last), *((each, 6) for each in last)}
    marks = itertools.product(ALIGNMENT[version], repeat=2)
    aligned = any(
        abs(x - cx) <= 2 and abs(y - cy) <= 2 for cx, cy in marks if (cx, cy) not in corners
    )
    return finder or numbers or x == 6 or y == 6 or aligned


def read_bits(matrix: qr.Matrix, version: int, mask: int) -> Iterator[int]:
    """The data bits in their order, unmasked."""
    rules = (
        lambda i, j: (i + j) % 2,
        lambda i, _: i % 2,
        lambda _, j: j % 3,
        lambda i, j: (i + j) % 3,
        lambda i, j: (i // 2 + j // 3) % 2,
        lambda i, j: (i * j) % 2 + (i * j) % 3,
        lambda i, j: ((i * j) % 2 + (i * j) % 3) % 2,
        lambda i, j: ((i + j) % 2 + (i * j) % 3) % 2,
    )
    side, up = len(matrix), True
    columns = [each for each in range(side - 1, 0, -2) if each > 6]
    columns += [5, 3, 1]
    for right in columns:
        for row in range(side - 1, -1, -1) if up else range(side):
            for column in (right, right - 1):
                if not is_function(version, column, row):
                    yield matrix[row][column] ^ (rules[mask](row, column) == 0)
        up = not up


def read(matrix: qr.Matrix) -> bytes:
    """What a code says; every block's correction must agree."""
    side = len(matrix)
    version = (side - 17) // 4
    beside = [(8, y) for y in (0, 1, 2, 3, 4, 5, 7, 8)] + [(x, 8) for x in (7, 5, 4, 3, 2, 1, 0)]
    word = sum(matrix[y][x] << place for place, (x, y) in enumerate(beside))
    mask = FORMATS.index(word)
    bits = list(read_bits(matrix, version, mask))
    codewords = [
        int("".join(str(int(bit)) for bit in bits[at : at + 8]), 2)
        for at in range(0, len(bits) // 8 * 8, 8)
    ]
    sizes = [(total, data) for count, total, data in BLOCKS[version] for _ in range(count)]
    blocks: list[list[int]] = [[] for _ in sizes]
    dealt = iter(codewords)
    for place in range(max(data for _, data in sizes)):
        for block, (_, data) in zip(blocks, sizes, strict=True):
            if place < data:
                block.append(next(dealt))
    for place in range(max(total - data for total, data in sizes)):
        for block, (total, data) in zip(blocks, sizes, strict=True):
            if place < total - data:
                block.append(next(dealt))
    for block, (total, data) in zip(blocks, sizes, strict=True):
        assert not any(syndromes(block, total - data))
    stream = "".join(
        f"{codeword:08b}"
        for block, (_, data) in zip(blocks, sizes, strict=True)
        for codeword in block[:data]
    )
    assert stream[:4] == "0100"
    width = 8 if version < 10 else 16
    length = int(stream[4 : 4 + width], 2)
    start = 4 + width
    return bytes(int(stream[start + 8 * n : start + 8 * n + 8], 2) for n in range(length))


def syndromes(block: list[int], count: int) -> list[int]:
    """Zero where a block is as Reed and Solomon want it."""
    powers, value = [], 1
    for _ in range(255):
        powers.append(value)
        value = value << 1 ^ (0x11D if value & 0x80 else 0)
    logarithms = {power: place for place, power in enumerate(powers)}
    found = []
    for root in range(count):
        total = 0
        for place, codeword in enumerate(reversed(block)):
            if codeword:
                total ^= powers[(logarithms[codeword] + root * place) % 255]
        found.append(total)
    return found


@given(st.text(max_size=70))
@settings(max_examples=40, deadline=None)
def test_a_code_says_what_was_put_in(text: str) -> None:
    if len(text.encode()) <= 213:
        assert read(qr.encode(text)) == text.encode()


@pytest.mark.parametrize("length", [14, 15, 26, 62, 106, 107, 122, 152, 180, 213])
def test_codes_of_every_size_are_read(length: int) -> None:
    text = ("otpauth://totp/Kinora:someone?secret=" + "ABCDEFGH234567" * 20)[:length]

    assert read(qr.encode(text)) == text.encode()


def test_too_long_a_text_is_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        qr.encode("x" * 667)


def test_the_picture_shows_the_code_with_its_quiet_edge() -> None:
    matrix = qr.encode("kinora")
    side = len(matrix) + 2 * qr.QUIET

    picture = fromstring(qr.svg("kinora"))
    path = picture[1].get("d")
    drawn = {
        (x, int(y))
        for x0, y, length in (
            move.replace("h", " ").replace("v1", " ").split()[:3] for move in path.split("M")[1:]
        )
        for x in range(int(x0), int(x0) + int(length))
    }

    assert picture.get("viewBox") == f"0 0 {side} {side}"
    assert drawn == {
        (x + qr.QUIET, y + qr.QUIET)
        for y, row in enumerate(matrix)
        for x, dark in enumerate(row)
        if dark
    }
