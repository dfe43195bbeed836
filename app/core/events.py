"""Events: how a lower feature tells a higher one, inside its own transaction.

A feature publishes a small frozen dataclass; the features above subscribed at start-up. A
subscriber only writes rows or enqueues jobs, so that everything an event causes commits with what
caused it.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

Event = TypeVar("Event")
Subscriber = Callable[[Any], Awaitable[None]]

_subscribers: defaultdict[type, list[Subscriber]] = defaultdict(list)


def subscribe(
    event: type[Event],
) -> Callable[[Callable[[Event], Awaitable[None]]], Callable[[Event], Awaitable[None]]]:
    """Decorator: call this function for each published event of the type."""

    def register(
        function: Callable[[Event], Awaitable[None]],
    ) -> Callable[[Event], Awaitable[None]]:
        if function not in _subscribers[event]:
            _subscribers[event].append(function)
        return function

    return register


async def publish(event: object) -> None:
    """Tell every subscriber, in the order they subscribed; an exception undoes the transaction."""
    for subscriber in _subscribers[type(event)]:
        await subscriber(event)
