"""problem+json (RFC 7807) in the words of PeerTube's API: what a program learns of an error."""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web
from pydantic import ValidationError
from pydantic_core import to_json

from app.core.errors import AppError
from app.core.requests import request_id

#: Where an input stood, in the words that PeerTube took from express-validator.
PATH, QUERY, BODY = "params", "query", "body"


class InvalidInputError(AppError):
    """Input that its schema refuses; `params` says for each field what is wrong with it."""

    status = 400

    def __init__(self, params: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__(f"Incorrect request parameters: {', '.join(params)}")
        self.params = {name: dict(found) for name, found in params.items()}


def invalid_input(error: ValidationError, location: str) -> InvalidInputError:
    """A schema's complaints as one error; the first complaint about a field is told."""
    params: dict[str, dict[str, str]] = {}
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        name = ".".join(str(part) for part in found["loc"]) or location
        message = found["msg"].removeprefix("Value error, ")
        params.setdefault(name, {"msg": message, "location": location, "path": name})
    return InvalidInputError(params)


def one_invalid(name: str, message: str, location: str) -> InvalidInputError:
    """The same error for a single input that never reached a schema."""
    return InvalidInputError({name: {"msg": message, "location": location, "path": name}})


def problem(request: web.BaseRequest, error: AppError) -> web.Response:
    """The answer that tells a program about an error."""
    content: dict[str, object] = {
        "type": "about:blank",
        "title": title(error.status),
        "detail": error.detail,
        "status": error.status,
        "requestId": request_id(request),
    }
    if error.code:
        content["code"] = error.code
    if isinstance(error, InvalidInputError):
        content["invalid-params"] = error.params
    elif error.field:
        content["invalid-params"] = {
            error.field: {"msg": error.detail, "location": BODY, "path": error.field}
        }
    return web.Response(
        body=to_json(content),
        status=error.status,
        headers=error.headers,
        content_type="application/problem+json",
    )


def title(status: int) -> str:
    """HTTP's own phrase for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
