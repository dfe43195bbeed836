"""Frozen dataclasses to JSON values and back, so that probes and plans can be stored and sent.

Written by hand because the classes use nothing but numbers, strings, fractions, paths and tuples.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import TypeVar, cast

T = TypeVar("T")


def dump(value: object) -> object:
    """Give a JSON value for a dataclass; fractions become `"30000/1001"`, paths strings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: dump(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [dump(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): dump(item) for key, item in value.items()}
    if isinstance(value, Fraction | Path):
        return str(value)
    return value


def load(kind: type[T], value: object) -> T:
    """Give back what `dump` took. Raises ValueError when the value does not fit the class."""
    try:
        return cast(T, _load(kind, value))
    except (TypeError, KeyError, ValueError, ZeroDivisionError) as error:
        raise ValueError(f"not a {kind.__name__}: {error}") from error


@cache
def _hints(kind: type) -> dict[str, object]:
    return typing.get_type_hints(kind)


def _load(kind: object, value: object) -> object:
    arguments = typing.get_args(kind)
    if isinstance(kind, types.UnionType):
        wanted = next(choice for choice in arguments if choice is not types.NoneType)
        return None if value is None else _load(wanted, value)
    if typing.get_origin(kind) is tuple:
        items = cast("list[object]", value)
        kinds = repeat(arguments[0], len(items)) if arguments[-1] is Ellipsis else arguments
        return tuple(_load(one, item) for one, item in zip(kinds, items, strict=True))
    return _load_plain(kind, value)


def _load_plain(kind: object, value: object) -> object:
    if not isinstance(kind, type):
        raise TypeError(f"cannot load {kind!r}")
    if dataclasses.is_dataclass(kind):
        values = cast("dict[str, object]", value)
        return kind(**{name: _load(hint, values[name]) for name, hint in _hints(kind).items()})
    if kind is float and isinstance(value, int):
        return float(value)
    if kind in (Fraction, Path):
        return kind(cast(str, value))
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is not a {kind.__name__}")
    return value
