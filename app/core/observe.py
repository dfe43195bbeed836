"""What is known of each request afterwards: a metric by route, and a line in the log when it was
slow or failed (a line for every request would double its cost; nginx writes that log).
"""

import time
from collections.abc import Awaitable, Callable
from functools import cache

import structlog
from aiohttp import web
from prometheus_client import Histogram

from app.core.metrics import HTTP_SECONDS
from app.core.requests import client_address, request_id

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SLOW_SECONDS = 1.0
log = structlog.get_logger(__name__)


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost middleware: counts, times and, where there is reason to, logs."""
    began = time.perf_counter()
    structlog.contextvars.bind_contextvars(request_id=request_id(request))
    status = 499  # nginx's number for an asker that has gone, should nothing come back
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as answer:
        status = answer.status
        raise
    finally:
        seconds = time.perf_counter() - began
        _series(request.method, _route(request), status).observe(seconds)
        if status >= 500 or (seconds >= SLOW_SECONDS and status != 499):
            _log(request, status, seconds)


def _log(request: web.Request, status: int, seconds: float) -> None:
    log.warning(
        "slow_or_failed_request",
        method=request.method,
        path=request.path,
        route=_route(request),
        status=status,
        seconds=round(seconds, 3),
        client=client_address(request),
    )


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"


@cache
def _series(method: str, route: str, status: int) -> Histogram:
    known = method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
    return HTTP_SECONDS.labels(known, route, str(status))
