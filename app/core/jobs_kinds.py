"""Kinds of jobs: what `@job` declares, and how a job says that it failed. Imports no database."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

if TYPE_CHECKING:
    from app.core.jobs_context import JobContext

P = ParamSpec("P")
JobFunction = Callable[Concatenate["JobContext", P], Awaitable[None]]
#: Told in the transaction that marks a job dead: its payload and the sentence of its last failure.
OnDead = Callable[[dict[str, Any], str], Awaitable[None]]

LONGEST_BACKOFF = timedelta(hours=1)


class Lane(StrEnum):
    """Where a job waits; a worker serves the lanes that its host can do."""

    DEFAULT = "default"
    FEDERATION = "federation"
    TRANSCODE = "transcode"
    GPU = "gpu"
    LIVE = "live"


class Priority(IntEnum):
    """What goes first in a lane; the number is the row's."""

    #: nobody waits for it: may fill all slots of a lane but one
    EXTRA = -10
    NORMAL = 0
    #: somebody waits for a first playable rendition
    FIRST = 10

    @property
    def nice(self) -> int:
        """The niceness of child processes that do the work."""
        return {Priority.FIRST: 0, Priority.NORMAL: 5, Priority.EXTRA: 15}[self]

    @classmethod
    def nearest(cls, number: int) -> "Priority":
        """The priority that a row's number stands for."""
        return min(cls, key=lambda priority: abs(priority - number))


class Retry(Exception):  # noqa: N818 - said by a job that knows it; no error
    """Try again, after the delay or else the usual backoff; counts as an attempt."""

    def __init__(
        self, delay: timedelta | None = None, reason: str = "asked to be run again"
    ) -> None:
        super().__init__(reason)
        self.delay = delay


class Fatal(Exception):  # noqa: N818 - an error of the work, not of the program
    """No further attempt can help; `detail` is a sentence for people, `code` one for machines."""

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


class LostLease(Exception):  # noqa: N818 - reads as what happened
    """This attempt no longer owns its job: another does, or it was cancelled. Nothing is kept."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job, as its decorator declared it."""

    name: str
    function: Callable[..., Awaitable[None]]
    lane: Lane
    max_attempts: int
    timeout: timedelta
    #: how many slots of the lane one owner's jobs may hold while they are of this kind
    owner_slots: int | None
    on_dead: OnDead | None


_kinds: dict[str, Kind] = {}
_names: dict[Callable[..., Awaitable[None]], str] = {}


def job(
    name: str,
    *,
    lane: Lane = Lane.DEFAULT,
    max_attempts: int = 5,
    timeout: timedelta = timedelta(minutes=10),
    owner_slots: int | None = None,
    on_dead: OnDead | None = None,
) -> Callable[[JobFunction[P]], JobFunction[P]]:
    """Decorator: this coroutine function does jobs of the kind `name`; its keywords are the
    payload.

    It must be idempotent: an attempt may be cut off anywhere. `on_dead` is told, inside the
    transaction that marks the job dead, that no attempt is left.
    """

    def register(function: JobFunction[P]) -> JobFunction[P]:
        known = _kinds.get(name)
        if known is not None and known.function.__qualname__ != function.__qualname__:
            raise LookupError(f"two functions want to do jobs of the kind {name}")
        _kinds[name] = Kind(name, function, lane, max_attempts, timeout, owner_slots, on_dead)
        _names[function] = name
        return function

    return register


def kind_of(function_or_name: Callable[..., Awaitable[None]] | str) -> Kind:
    """The kind that a function does or a name means; LookupError when nothing registered it."""
    name = (
        function_or_name
        if isinstance(function_or_name, str)
        else _names.get(function_or_name, repr(function_or_name))
    )
    if name not in _kinds:
        raise LookupError(f"{name} is no kind of job that this process knows")
    return _kinds[name]


def known_kinds() -> dict[str, Kind]:
    """Every kind that this process can do, by name."""
    return dict(_kinds)


def backoff(attempt: int) -> timedelta:
    """How long to wait after that attempt failed: 2, 4, 8 … s, give or take a quarter."""
    seconds = min(LONGEST_BACKOFF.total_seconds(), 2.0 ** min(attempt, 20))
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))
