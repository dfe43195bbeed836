"""Words between processes that may be missed: Redis publish/subscribe, one subscriber a process.

What must not be missed is a row; this only tells whoever watches a page that it is worth looking.
Without Redis nothing is heard, and watchers look by themselves now and then.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

#: A watcher that is slower than this many words loses the oldest.
WAITING_WORDS = 16
CONNECT_SECONDS, RECONNECT_SECONDS = 1.0, 1.0
_PREFIX = "kinora:"

Words = asyncio.Queue[bytes]


class PubSub:
    """This process's ear; `run` listens for as long as the process lives."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS)
        self._ear = self._redis.pubsub(ignore_subscribe_messages=True)
        self._watchers: defaultdict[str, set[Words]] = defaultdict(set)
        self._wanted = asyncio.Event()

    async def publish(self, channel: str, word: bytes) -> None:
        """Say something to whoever listens, on any host."""
        with contextlib.suppress(RedisError, OSError):
            await self._redis.publish(_PREFIX + channel, word)

    @contextlib.asynccontextmanager
    async def listening(self, channel: str) -> AsyncIterator[Words]:
        """A queue of what is said on the channel while the block runs."""
        words: Words = asyncio.Queue(WAITING_WORDS)
        watchers = self._watchers[channel]
        watchers.add(words)
        try:
            if len(watchers) == 1:
                await self._follow(channel)
            yield words
        finally:
            watchers.discard(words)
            if not watchers and self._watchers.get(channel) is watchers:
                del self._watchers[channel]
                with contextlib.suppress(RedisError, OSError):
                    await self._ear.unsubscribe(_PREFIX + channel)

    async def run(self) -> None:
        """Listen, through restarts of Redis, until cancelled."""
        while True:
            try:
                await self._listen()
            except (RedisError, OSError):
                await asyncio.sleep(RECONNECT_SECONDS)

    async def close(self) -> None:
        """Hang up."""
        await self._ear.aclose()
        await self._redis.aclose()

    async def _follow(self, channel: str) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self._ear.subscribe(_PREFIX + channel)
        self._wanted.set()

    async def _listen(self) -> None:
        while True:
            if not self._watchers:
                self._wanted.clear()
                await self._wanted.wait()
            message = await self._ear.get_message(timeout=None)
            if message is not None and message["type"] == "message":
                channel = message["channel"].decode().removeprefix(_PREFIX)
                for words in self._watchers.get(channel, ()):
                    if words.full():
                        words.get_nowait()
                    words.put_nowait(message["data"])


PUBSUB = web.AppKey("pubsub", PubSub)
