"""Words between processes that may be missed: Redis publish/subscribe, one subscriber a process.

What must not be missed is a row; this only tells whoever watches a page that it is worth looking.
Without Redis nothing is heard, and watchers look by themselves now and then. Each process hears
all of its site's words and keeps those that somebody here listens to: subscribing channel by
channel on a connection that is being read proved fragile in redis-py.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.config import settings

#: A listener that is slower than this many words loses the oldest.
WAITING_WORDS = 16
CONNECT_SECONDS, RECONNECT_SECONDS, PUBLISH_SECONDS = 1.0, 1.0, 1.0

Words = asyncio.Queue[bytes]


class PubSub:
    """This process's ear; `run` listens for as long as the process lives."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS)
        # Publish/subscribe knows no databases: sites that share a Redis differ by their address.
        self._prefix = f"kinora:{settings().site.public_url}:"
        self._listeners: defaultdict[str, set[Words]] = defaultdict(set)

    async def publish(self, channel: str, word: bytes = b"") -> None:
        """Say something to whoever listens, on any host; never fails, takes a second at most."""
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(PUBLISH_SECONDS):
                await self._redis.publish(self._prefix + channel, word)

    @contextlib.asynccontextmanager
    async def listening(self, channel: str) -> AsyncIterator[Words]:
        """A queue of what is said on the channel while the block runs."""
        words: Words = asyncio.Queue(WAITING_WORDS)
        self._listeners[channel].add(words)
        try:
            yield words
        finally:
            self._listeners[channel].discard(words)
            if not self._listeners[channel]:
                del self._listeners[channel]

    async def run(self) -> None:
        """Listen, through restarts of Redis, until cancelled."""
        while True:
            try:
                await self._listen()
            except (RedisError, OSError):
                await asyncio.sleep(RECONNECT_SECONDS)

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    async def _listen(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as ear:
            await ear.psubscribe(_literal(self._prefix) + "*")
            while True:
                message = await ear.get_message(timeout=None)
                if message is not None and message["type"] == "pmessage":
                    self._hear(message["channel"].decode(), message["data"])

    def _hear(self, channel: str, word: bytes) -> None:
        for words in self._listeners.get(channel.removeprefix(self._prefix), ()):
            if words.full():
                words.get_nowait()
            words.put_nowait(word)


def _literal(text: str) -> str:
    """Text as it stands in a Redis pattern."""
    return "".join(f"\\{character}" if character in "*?[]^\\" else character for character in text)


PUBSUB = web.AppKey("pubsub", PubSub)
