"""Public identifiers: uuids, and the short form that stands in links.

PeerTube's short uuid is the uuid's number written in base 58 (flickrBase58 order), 22 digits.
"""

import secrets
import time
from uuid import UUID

_ALPHABET = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGITS = {character: number for number, character in enumerate(_ALPHABET)}
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
SHORT_LENGTH = 22


def new_uuid() -> UUID:
    """A uuid that sorts by time (RFC 9562 version 7)."""
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds & ((1 << 48) - 1)) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=number)


def short(uuid: UUID) -> str:
    """The 22-character form of a uuid, two digits at a time (lists need hundreds a second)."""
    number, digits = uuid.int, ""
    for _ in range(SHORT_LENGTH // 2):
        number, pair = divmod(number, 58 * 58)
        digits = _PAIRS[pair] + digits
    return digits


def parse_uuid(text: str) -> UUID | None:
    """A uuid from its long or short form, None when the text is neither."""
    if len(text) == SHORT_LENGTH and all(character in _DIGITS for character in text):
        number = 0
        for character in text:
            number = number * 58 + _DIGITS[character]
        return UUID(int=number) if number < 1 << 128 else None
    try:
        return UUID(text)
    except ValueError:
        return None
