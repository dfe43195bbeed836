"""The one family of errors that a person or a client may see.

Services raise them; `app.core.api` answers a problem+json and `app.core.pages` a page. Whatever
else escapes a handler is a fault of ours: a 500 with a request id and nothing of the inside.
"""

from collections.abc import Mapping


class AppError(Exception):
    """Something the asker can understand: `status`, a machine's `code`, a person's sentence.

    `field` names the input that was wrong, in the API's spelling; `headers` go into the answer.
    """

    status = 500

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        code: str | None = None,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.field = field
        self.headers = dict(headers or {})
        if status is not None:
            self.status = status


class InvalidError(AppError):
    """Input that breaks a rule; name its field."""

    status = 400


class UnauthenticatedError(AppError):
    """Nobody is logged in, or the token is no longer good."""

    status = 401


class ForbiddenError(AppError):
    """Somebody is logged in who may not do this."""

    status = 403


class NotFoundError(AppError):
    """No such thing, or one that this asker may not know about."""

    status = 404


class ConflictError(AppError):
    """The thing is already there, or in a state that forbids this."""

    status = 409


class TooLargeError(AppError):
    """More bytes than the quota or a limit allows."""

    status = 413


class RateLimitedError(AppError):
    """Too many requests; `Retry-After` is among the headers."""

    status = 429
