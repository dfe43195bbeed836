"""A QR code (ISO/IEC 18004) as SVG: bytes, error correction M, versions 1 to 20.

Written here because the one place that needs it, an authenticator's address, is too small for a
library; a test reads the codes back.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, product
from typing import Final

#: error-correction codewords of a block, and blocks, by version (table 9, level M)
_CORRECTION: Final = (
    10,
    16,
    26,
    18,
    24,
    16,
    18,
    22,
    22,
    26,
    30,
    22,
    22,
    24,
    24,
    28,
    28,
    26,
    26,
    26,
)
_BLOCKS: Final = (1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16)
_MASKS: Final = (
    lambda x, y: (x + y) % 2 == 0,
    lambda x, y: (0 * x + y) % 2 == 0,
    lambda x, y: (x + 0 * y) % 3 == 0,
    lambda x, y: (x + y) % 3 == 0,
    lambda x, y: (x // 3 + y // 2) % 2 == 0,
    lambda x, y: x * y % 2 + x * y % 3 == 0,
    lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0,
)
#: light modules around the code
QUIET: Final = 4

Matrix = list[list[bool]]


def svg(text: str) -> str:
    """The code as an <svg> element in black on white, one unit a module."""
    matrix = encode(text)
    side = len(matrix) + 2 * QUIET
    path = "".join(
        f"M{x + QUIET} {y + QUIET}h{length}v1h-{length}z"
        for y, row in enumerate(matrix)
        for x, length in _runs(row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" width="{side * 5}"'
        f' height="{side * 5}" shape-rendering="crispEdges" role="img" aria-label="QR">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{path}"/></svg>'
    )


def _runs(row: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Where dark modules begin and how many follow each other."""
    x = 0
    for dark, run in groupby(row):
        length = len(list(run))
        if dark:
            yield x, length
        x += length


def encode(text: str) -> Matrix:
    """The modules, True is dark. Raises ValueError for more than 666 bytes of UTF-8."""
    data = text.encode()
    version = next((v for v in range(1, 21) if _fits(v, data)), None)
    if version is None:
        raise ValueError(f"{len(data)} bytes are too many for a QR code")
    bits = list(_interleaved(version, _codewords(version, data)))
    return min((_drawn(version, bits, mask) for mask in range(8)), key=_penalty)


def _capacity(version: int) -> int:
    """Codewords of a version, data and correction."""
    modules = (16 * version + 128) * version + 64
    if version >= 2:
        marks = version // 7 + 2
        modules -= (25 * marks - 10) * marks - 55
        if version >= 7:
            modules -= 36
    return modules // 8


def _room(version: int) -> int:
    """Data codewords of a version."""
    return _capacity(version) - _CORRECTION[version - 1] * _BLOCKS[version - 1]


def _fits(version: int, data: bytes) -> bool:
    return 4 + (8 if version < 10 else 16) + 8 * len(data) <= 8 * _room(version)


def _codewords(version: int, data: bytes) -> bytes:
    """Mode, length, data, end and padding."""
    room, width = _room(version), 8 if version < 10 else 16
    number = (0b0100 << width | len(data)) << 8 * len(data) | int.from_bytes(data, "big")
    used = 4 + width + 8 * len(data)
    number <<= 4  # the end mark; `used` is four short of full bytes
    packed = number.to_bytes((used + 4) // 8, "big")
    padding = (b"\xec\x11" * room)[: room - len(packed)]
    return packed + padding


def _interleaved(version: int, data: bytes) -> Iterator[bool]:
    """Blocks with their correction, dealt out codeword by codeword, bit by bit."""
    count, degree = _BLOCKS[version - 1], _CORRECTION[version - 1]
    short, longer = divmod(len(data), count)
    blocks, at = [], 0
    for number in range(count):
        size = short + (number >= count - longer)
        blocks.append(data[at : at + size])
        at += size
    corrections = [_remainder(block, degree) for block in blocks]
    dealt = [
        group[place]
        for groups in (blocks, corrections)
        for place in range(max(map(len, groups)))
        for group in groups
        if place < len(group)
    ]
    return (bool(codeword >> bit & 1) for codeword in dealt for bit in range(7, -1, -1))


def _multiply(left: int, right: int) -> int:
    """In GF(256) over x⁸+x⁴+x³+x²+1."""
    result = 0
    for bit in range(7, -1, -1):
        result = result << 1 ^ (result >> 7) * 0x11D
        result ^= (right >> bit & 1) * left
    return result


def _remainder(block: Sequence[int], degree: int) -> bytes:
    """The Reed-Solomon codewords of a block."""
    generator, root = [0] * (degree - 1) + [1], 1
    for _ in range(degree):
        for place in range(degree):
            generator[place] = _multiply(generator[place], root)
            if place + 1 < degree:
                generator[place] ^= generator[place + 1]
        root = _multiply(root, 2)
    rest = [0] * degree
    for codeword in block:
        factor = codeword ^ rest.pop(0)
        rest.append(0)
        rest = [
            each ^ _multiply(factor, times) for each, times in zip(rest, generator, strict=True)
        ]
    return bytes(rest)


def _alignment(version: int) -> list[int]:
    """Where the small marks stand, in both directions."""
    if version == 1:
        return []
    count, side = version // 7 + 2, 17 + 4 * version
    step = (version * 4 + count * 2 + 1) // (count * 2 - 2) * 2
    return [6, *sorted(side - 7 - place * step for place in range(count - 1))]


def _drawn(version: int, bits: Sequence[bool], mask: int) -> Matrix:
    side = 17 + 4 * version
    fixed: dict[tuple[int, int], bool] = {}
    _draw_finders(fixed, side)
    _draw_alignment(fixed, _alignment(version))
    _draw_format(fixed, side, mask)
    if version >= 7:
        _draw_version(fixed, side, version)
    matrix = [[fixed.get((x, y), False) for x in range(side)] for y in range(side)]
    remaining = iter(bits)
    for x, y in _path(side):
        if (x, y) not in fixed:
            matrix[y][x] = next(remaining, False) ^ _MASKS[mask](x, y)
    return matrix


def _draw_finders(fixed: dict[tuple[int, int], bool], side: int) -> None:
    """The three large marks with their light edge, and the dotted lines between them."""
    for place in range(side):
        fixed[place, 6] = fixed[6, place] = place % 2 == 0
    for x, y in ((3, 3), (side - 4, 3), (3, side - 4)):
        for dx, dy in product(range(-4, 5), repeat=2):
            if 0 <= x + dx < side and 0 <= y + dy < side:
                fixed[x + dx, y + dy] = max(abs(dx), abs(dy)) not in (2, 4)


def _draw_alignment(fixed: dict[tuple[int, int], bool], marks: Sequence[int]) -> None:
    """The small marks, but where the large ones are."""
    for x, y in product(marks, repeat=2):
        if (x, y) not in ((6, 6), (6, marks[-1]), (marks[-1], 6)):
            for dx, dy in product(range(-2, 3), repeat=2):
                fixed[x + dx, y + dy] = max(abs(dx), abs(dy)) != 1


def _checked(value: int, *, polynomial: int, degree: int) -> int:
    """A value with its BCH check bits."""
    rest = value
    for _ in range(degree):
        rest = rest << 1 ^ (rest >> (degree - 1)) * polynomial
    return value << degree | rest


def _draw_format(fixed: dict[tuple[int, int], bool], side: int, mask: int) -> None:
    word = _checked(mask, polynomial=0x537, degree=10) ^ 0x5412  # level M is 00
    bits = [bool(word >> place & 1) for place in range(15)]
    beside = [0, 1, 2, 3, 4, 5, 7, 8]
    for place, at in enumerate(beside):
        fixed[8, at] = bits[place]
        fixed[at, 8] = bits[14 - place]
    for place in range(8):
        fixed[side - 1 - place, 8] = bits[place]
        if place < 7:
            fixed[8, side - 7 + place] = bits[8 + place]
    fixed[8, side - 8] = True


def _draw_version(fixed: dict[tuple[int, int], bool], side: int, version: int) -> None:
    word = _checked(version, polynomial=0x1F25, degree=12)
    for place in range(18):
        dark = bool(word >> place & 1)
        fixed[side - 11 + place % 3, place // 3] = dark
        fixed[place // 3, side - 11 + place % 3] = dark


def _path(side: int) -> Iterator[tuple[int, int]]:
    """The way of the bits: pairs of columns from the right, up and down in turn."""
    upward = True
    for right in (*range(side - 1, 6, -2), 5, 3, 1):
        for y in range(side - 1, -1, -1) if upward else range(side):
            yield right, y
            yield right - 1, y
        upward = not upward


def _penalty(matrix: Matrix) -> int:
    """How hard a code is to read (8.8.2): runs, blocks, false finders, imbalance."""
    points, side = 0, len(matrix)
    for lines in (matrix, list(zip(*matrix, strict=True))):
        for line in lines:
            text = "".join("1" if dark else "0" for dark in line)
            for colour in ("1", "0"):
                for run in text.split("0" if colour == "1" else "1"):
                    points += len(run) - 2 if len(run) >= 5 else 0
            points += 40 * sum(
                text.startswith(pattern, place)
                for pattern in ("00001011101", "10111010000")
                for place in range(side - 10)
            )
    for y in range(side - 1):
        for x in range(side - 1):
            points += 3 * (
                matrix[y][x] == matrix[y][x + 1] == matrix[y + 1][x] == matrix[y + 1][x + 1]
            )
    dark = sum(map(sum, matrix))
    return points + 10 * (abs(20 * dark - 10 * side * side) // (side * side))
