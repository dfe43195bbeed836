"""Prometheus metrics: what each process counts, and the internal listener that shows it.

Every process listens on a port of its own, on loopback unless `metrics.host` says otherwise;
nothing outside can ask. The number of jobs by state is read from the database when somebody asks
the dispatcher. `/health` tells a deployment which release answers, and what it lacks.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from app.core.release import release

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
#: What the process stands on, and a sentence for each part that does not answer.
Lacks = Callable[[], Awaitable[dict[str, str]]]


def http_request(method: str, *, route: str, status: int, seconds: float) -> None:
    """Count an answered request; `route` is the route's pattern, never the path."""
    HTTP_SECONDS.labels(method, route, str(status)).observe(seconds)


def job_ended(kind: str, *, lane: str, outcome: str, seconds: float) -> None:
    """Count an attempt at a job."""
    JOBS_ENDED.labels(kind, lane, outcome).inc()
    JOB_SECONDS.labels(kind, lane).observe(seconds)


@contextlib.asynccontextmanager
async def listener(
    port: int,
    *,
    host: str = "127.0.0.1",
    refresh: Refresh | None = None,
    lacks: Lacks | None = None,
) -> AsyncIterator[int]:
    """Serve /metrics and /health while the block runs; gives the port (0 takes any)."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
            async with asyncio.timeout(ANSWER_SECONDS):
                writer.write(await _response(request, refresh, lacks))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, host, port)
    try:
        taken: int = server.sockets[0].getsockname()[1]
        log.info("metrics", url=f"http://{host}:{taken}/metrics")
        yield taken
    finally:
        server.close()
        await server.wait_closed()


async def _response(request: bytes, refresh: Refresh | None, lacks: Lacks | None) -> bytes:
    method, target = (*request.split(b" ", 2), b"", b"")[:2]
    path = target.partition(b"?")[0]
    if method == b"GET" and path == b"/metrics":
        if refresh is not None:
            await refresh()
        return _answer("200 OK", CONTENT_TYPE_LATEST, generate_latest(REGISTRY))
    if method == b"GET" and path == b"/health":
        lacking = await lacks() if lacks is not None else {}
        status = "503 Service Unavailable" if lacking else "200 OK"
        told = {"release": release(), "lacks": lacking}
        return _answer(status, "application/json", json.dumps(told).encode())
    return _answer("404 Not Found")


def _answer(status: str, content_type: str = "text/plain", body: bytes = b"") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
