"""Prints the TCP ports of an address that take a connection."""

import asyncio
import resource
import sys

AT_ONCE = 3000
SECONDS = 1.5


async def is_open(address: str, port: int, turn: asyncio.Semaphore) -> bool:
    """Whether a connection is taken in time."""
    async with turn:
        try:
            async with asyncio.timeout(SECONDS):
                _, writer = await asyncio.open_connection(address, port)
        except (ConnectionError, TimeoutError):
            return False
        writer.close()
        return True


async def main() -> None:
    """Try all of them, many at the same time."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (AT_ONCE + 100, AT_ONCE + 100))
    turn = asyncio.Semaphore(AT_ONCE)
    ports = range(1, 65536)
    found = await asyncio.gather(*(is_open(sys.argv[1], port, turn) for port in ports))
    print(*(port for port, taken in zip(ports, found, strict=True) if taken))


asyncio.run(main())
