"""Totals of lists, remembered in proportion to what they cost.

PeerTube's envelope wants a total with every page, and counting a million videos takes longer than
the page itself. A total is kept for two hundred times as long as it took to count, so that counting
costs half a percent of a CPU at most, however large the table; what took 1 ms is kept for 0.2 s.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from weakref import WeakValueDictionary

from app.core.db import fetchval

KEPT_TIMES = 200
#: Remembered totals, the least recently asked are forgotten; one takes some hundred bytes.
CAPACITY = 2048

Key = tuple[str, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class _Total:
    number: int
    good_until: float


_totals: OrderedDict[Key, _Total] = OrderedDict()
_counting: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()


async def counted(sql: str, *arguments: object) -> int:
    """What a `SELECT count(*)` gives, perhaps a little old; of several askers only one counts."""
    key = (sql, tuple(map(_hashable, arguments)))
    if (known := _remembered(key)) is not None:
        return known
    async with _counting.setdefault(key, asyncio.Lock()):
        if (known := _remembered(key)) is not None:
            return known
        began = time.monotonic()
        number = int(await fetchval(sql, *arguments) or 0)
        ended = time.monotonic()
        _totals[key] = _Total(number, ended + KEPT_TIMES * (ended - began))
    while len(_totals) > CAPACITY:
        _totals.popitem(last=False)
    return number


def forget_totals() -> None:
    """Count anew at the next asking."""
    _totals.clear()


def _remembered(key: Key) -> int | None:
    known = _totals.get(key)
    if known is None or known.good_until <= time.monotonic():
        return None
    _totals.move_to_end(key)
    return known.number


def _hashable(argument: object) -> object:
    """Lists are arrays in SQL; as part of a key they are tuples."""
    return tuple(argument) if isinstance(argument, list) else argument
