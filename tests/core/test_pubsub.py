import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.pubsub import WAITING_WORDS, PubSub
from tests import servers


@contextlib.asynccontextmanager
async def running(url: str) -> AsyncIterator[PubSub]:
    pubsub = PubSub(url)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(pubsub.run())
        try:
            yield pubsub
        finally:
            task.cancel()
    await pubsub.close()


@pytest.fixture
async def pubsub(redis_server: str) -> AsyncIterator[PubSub]:
    async with running(redis_server) as found:
        yield found


async def said_until_heard(speaker: PubSub, words: asyncio.Queue[bytes], word: bytes) -> None:
    """A subscription takes a moment to stand: say it until it is heard."""
    async with asyncio.timeout(20):
        while True:
            await speaker.publish("video:1", word)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    if await words.get() == word:
                        return


async def test_a_word_reaches_every_listener_of_its_channel(
    pubsub: PubSub, redis_server: str
) -> None:
    async with (
        running(redis_server) as other,
        pubsub.listening("video:1") as first,
        pubsub.listening("video:1") as second,
        pubsub.listening("video:2") as elsewhere,
    ):
        await said_until_heard(other, first, b"half")
        assert await second.get() == b"half"
        assert elsewhere.empty()


async def test_who_has_gone_hears_nothing(pubsub: PubSub) -> None:
    async with pubsub.listening("video:1") as words:
        await said_until_heard(pubsub, words, b"one")
        async with pubsub.listening("video:1") as short:
            pass
        await said_until_heard(pubsub, words, b"two")
        assert short.empty()
    async with pubsub.listening("video:1") as again:
        await said_until_heard(pubsub, again, b"three")


async def test_a_slow_listener_loses_the_oldest_words(pubsub: PubSub) -> None:
    async with pubsub.listening("video:1") as words, pubsub.listening("video:1") as slow:
        await said_until_heard(pubsub, words, b"start")
        for number in range(WAITING_WORDS + 5):
            await said_until_heard(pubsub, words, str(number).encode())
        assert slow.qsize() == WAITING_WORDS
        left = [slow.get_nowait() for _ in range(WAITING_WORDS)]
        assert left[-1] == str(WAITING_WORDS + 4).encode()
        assert b"start" not in left


async def test_listening_survives_a_restart_of_redis() -> None:
    folder = Path(tempfile.mkdtemp(prefix="kinora-pubsub-", dir="/tmp"))
    url = f"unix://{folder / 'redis.sock'}"
    server = servers.start_redis(watched=os.getpid(), folder=folder)
    async with running(url) as pubsub, pubsub.listening("video:1") as words:
        await said_until_heard(pubsub, words, b"before")
        server.stop()
        folder.mkdir()
        server = servers.start_redis(watched=os.getpid(), folder=folder)
        await said_until_heard(pubsub, words, b"after")
    server.stop()


async def test_without_redis_nothing_is_heard_and_nothing_fails() -> None:
    async with (
        running("unix:///nowhere/redis.sock") as pubsub,
        pubsub.listening("video:1") as words,
    ):
        await pubsub.publish("video:1", b"word")
        assert words.empty()
