"""Turns whatever a handler raises into an answer: problem+json for programs, a page for people.

An exception that is no AppError is a fault of ours: it is logged with the request's id, and the
asker learns nothing of the inside but that id. A database that is away for a moment is neither's
fault: a 503 that says so.
"""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from asyncpg import DataError

from app.core.db import is_outage
from app.core.errors import AppError, InvalidError
from app.core.pages import prepare, render_error
from app.core.problems import problem, title
from app.core.requests import is_api, request_id

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)

_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take that kind of request.",
    413: "The request is larger than what is accepted here.",
}


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost but one: nothing but an answer leaves it, except when one was already begun."""
    try:
        return await handler(request)
    except AppError as error:
        return await _answer(request, error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return await _answer(request, _of_http(error))
    except DataError as error:
        # No column can hold it: the asker's fault, though a schema should have said so.
        log.warning("input_refused_by_database", path=request.path, error=str(error))
        return await _answer(request, InvalidError("A value in the request is out of range."))
    except Exception as error:
        is_away = is_outage(error)
        if isinstance(error, ConnectionError) and not is_away:
            raise  # the asker has gone
        if is_away:
            log.warning("database_away", path=request.path, error=str(error))
        else:
            log.exception("request_failed", method=request.method, path=request.path)
        if request._payload_writer is not None and request._payload_writer.output_size:  # noqa: SLF001
            raise  # an answer has begun: aiohttp cuts it off, so that nobody takes it for whole
        return await _answer(request, _away() if is_away else _fault())


def _fault() -> AppError:
    return AppError("Something went wrong on our side.", code="internal_error")


def _away() -> AppError:
    return AppError(
        "The site does not reach its database just now. Please try again in a moment.",
        status=503,
        code="database_away",
        headers={"Retry-After": "5"},
    )


async def _answer(request: web.Request, error: AppError) -> web.Response:
    if is_api(request):
        return problem(request, error)
    try:
        await prepare(request)
    except Exception:  # noqa: BLE001 - the page of an error comes without its reader's name, then
        log.warning("actor_unknown_on_error_page", path=request.path)
    try:
        return render_error(request, error)
    except Exception:
        log.exception("error_page_failed", path=request.path)
        return web.Response(
            text=f"{error.status} {error.detail} ({request_id(request)})", status=error.status
        )


def _of_http(error: web.HTTPException) -> AppError:
    """An error of aiohttp's own (no route, wrong method, a body too large) as one of ours."""
    kept = {
        name: value for name, value in error.headers.items() if name in ("Allow", "Retry-After")
    }
    sentence = _SENTENCES.get(error.status, f"{title(error.status)}.")
    return AppError(sentence, status=error.status, headers=kept)
