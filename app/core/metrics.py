"""Prometheus metrics: what each process counts, and the internal listener that shows it.

Every process listens on loopback, on a port of its own; nothing outside can ask. The number of jobs
by state is read from the database when somebody asks the dispatcher.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

log = structlog.get_logger(__name__)

HTTP_SECONDS = Histogram(
    "kinora_http_request_seconds",
    "Time to answer a request, by route and status.",
    ("method", "route", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
JOBS_ENDED = Counter("kinora_jobs_ended", "Attempts at jobs.", ("kind", "lane", "outcome"))
JOB_SECONDS = Histogram(
    "kinora_job_seconds",
    "Time that an attempt at a job took.",
    ("kind", "lane"),
    buckets=(0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 43200),
)
JOBS = Gauge("kinora_jobs", "Jobs that are queued, running or dead.", ("lane", "kind", "state"))
JOBS_READY_AGE = Gauge(
    "kinora_jobs_oldest_ready_seconds", "How long the oldest ready job of a lane waits.", ("lane",)
)
WORKER_SLOTS = Gauge("kinora_worker_slots", "Slots of live workers.", ("lane",))

READ_SECONDS = 5
ANSWER_SECONDS = 20

#: Brings gauges up to date before they are shown.
Refresh = Callable[[], Awaitable[None]]


def http_request(method: str, *, route: str, status: int, seconds: float) -> None:
    """Count an answered request; `route` is the route's pattern, never the path."""
    HTTP_SECONDS.labels(method, route, str(status)).observe(seconds)


def job_ended(kind: str, *, lane: str, outcome: str, seconds: float) -> None:
    """Count an attempt at a job."""
    JOBS_ENDED.labels(kind, lane, outcome).inc()
    JOB_SECONDS.labels(kind, lane).observe(seconds)


@contextlib.asynccontextmanager
async def listener(port: int, *, refresh: Refresh | None = None) -> AsyncIterator[int]:
    """Serve /metrics on a loopback port while the block runs; gives the port (0 takes any)."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
            async with asyncio.timeout(ANSWER_SECONDS):
                writer.write(await _response(request, refresh))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    try:
        taken: int = server.sockets[0].getsockname()[1]
        log.info("metrics", url=f"http://127.0.0.1:{taken}/metrics")
        yield taken
    finally:
        server.close()
        await server.wait_closed()


async def _response(request: bytes, refresh: Refresh | None) -> bytes:
    method, path = (*request.split(b" ", 2), b"", b"")[:2]
    if method != b"GET" or path.partition(b"?")[0] != b"/metrics":
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    if refresh is not None:
        await refresh()
    body = generate_latest(REGISTRY)
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE_LATEST}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
