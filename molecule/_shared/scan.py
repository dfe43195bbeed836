"""Prints the TCP ports of an address that take a connection."""

import contextlib
import resource
import socket
import sys
import time
from collections.abc import Iterator

AT_ONCE = 8000
SECONDS = 2.0


def taken(address: str, ports: range) -> Iterator[int]:
    """Those that took a connection while this slept: a busy machine makes none of them late."""
    with contextlib.ExitStack() as all_of_them:
        tried = {}
        for port in ports:
            tried[port] = all_of_them.enter_context(socket.socket())
            tried[port].setblocking(False)
            tried[port].connect_ex((address, port))
        time.sleep(SECONDS)
        for port, connection in tried.items():
            with contextlib.suppress(OSError):
                connection.getpeername()
                yield port


def main() -> None:
    """Try all of them, many at the same time."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (AT_ONCE + 100, AT_ONCE + 100))
    batches = (range(low, min(low + AT_ONCE, 65536)) for low in range(1, 65536, AT_ONCE))
    print(*(port for batch in batches for port in taken(sys.argv[1], batch)))


main()
