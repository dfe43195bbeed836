"""Typed REST routes: a handler's type hints are its validation and its OpenAPI.

    api = Api(tag="Video")

    @api.get("/videos/{id}", returns=VideoDetails)
    async def get_video(request: web.Request, id: str, query: VideoQuery) -> VideoDetails: ...

Arguments by name, after the request: `query`, `body` (JSON) and `form` (urlencoded or multipart),
each a `Schema`; any other is a part of the path. Written by hand because every aiohttp package for
this is dead or thin.
"""

import inspect
import typing
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel
from pydantic_core import to_json

from app.core import inputs, ratelimit
from app.core.auth import Role, require_actor
from app.core.inputs import MAX_BODY, BigInt, UploadedFile

__all__ = [
    "Access",
    "Api",
    "BigInt",
    "Endpoint",
    "ListQuery",
    "Page",
    "Schema",
    "Timestamp",
    "UploadedFile",
    "page",
]

PREFIX = "/api/v1"
Handler = TypeVar("Handler", bound=Callable[..., Awaitable[object]])
Item = TypeVar("Item")


def _javascript_time(moment: datetime) -> str:
    """As JavaScript's toISOString() writes it; strict clients choke on microseconds."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


#: A moment in PeerTube's spelling, e.g. 2026-11-22T20:15:00.000Z.
Timestamp = Annotated[
    datetime, PlainSerializer(_javascript_time, return_type=str, when_used="json")
]


class Schema(BaseModel):
    """What goes in or out: camelCase outside; unknown fields are ignored, as PeerTube does."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, from_attributes=True, extra="ignore"
    )


class ListQuery(Schema):
    """The part of a list that is wanted; `sort` is a field's name, with `-` from the last on."""

    start: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    count: Annotated[int, Field(ge=0, le=100)] = 15
    sort: Annotated[str, Field(max_length=50)] | None = None


class Page(Schema, Generic[Item]):
    """Part of a list, and how many there are in all."""

    total: int
    data: list[Item]


def page(total: int, data: Sequence[Item]) -> Page[Item]:
    """PeerTube's envelope of a list; the data is trusted and not validated again."""
    return Page.model_construct(total=total, data=list(data))


class Access(Enum):
    """Who may call: anybody, or at least that role."""

    PUBLIC = None
    USER = Role.USER
    MODERATOR = Role.MODERATOR
    ADMINISTRATOR = Role.ADMINISTRATOR


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation: what its handler's signature and its decorator say."""

    method: str
    path: str
    handler: Callable[..., Awaitable[object]]
    tag: str
    access: Access
    rate: str | None
    status: int
    returns: Any
    path_arguments: dict[str, Any]
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    form: type[BaseModel] | None
    max_body: int | Callable[[], int]

    @property
    def body_limit(self) -> int:
        """Bytes that a request may bring."""
        return self.max_body if isinstance(self.max_body, int) else self.max_body()


class Api:
    """The operations of one feature."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.endpoints: list[Endpoint] = []

    def route(
        self,
        method: str,
        path: str,
        *,
        access: Access = Access.PUBLIC,
        rate: str | None = "api",
        status: int | None = None,
        returns: Any = None,
        max_body: int | Callable[[], int] = MAX_BODY,
    ) -> Callable[[Handler], Handler]:
        """Serve `path` (below /api/v1, or absolute when it begins with `//`).

        `rate` names a limit of the settings, None is without; `returns` is the schema in OpenAPI
        where the annotation does not say it, `max_body` the bytes a body may have. A handler's None
        answers 204.
        """

        def register(handler: Handler) -> Handler:
            hints = typing.get_type_hints(handler, include_extras=True)
            annotation = hints.pop("return", None)
            is_silent = returns is None and annotation is type(None)
            result = returns if returns is not None else _schema_of(annotation)
            names = list(inspect.signature(handler).parameters)[1:]
            models = {name: hints[name] for name in names if name in ("query", "body", "form")}
            self.endpoints.append(
                Endpoint(
                    method=method,
                    path=path[1:] if path.startswith("//") else PREFIX + path,
                    handler=handler,
                    tag=self.tag,
                    access=access,
                    rate=rate,
                    status=status or (204 if is_silent else 200),
                    returns=result,
                    path_arguments={name: hints[name] for name in names if name not in models},
                    query=models.get("query"),
                    body=models.get("body"),
                    form=models.get("form"),
                    max_body=max_body,
                )
            )
            return handler

        return register

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """`route("GET", …)`; HEAD is answered too."""
        return self.route("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """`route("POST", …)`."""
        return self.route("POST", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """`route("PUT", …)`."""
        return self.route("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """`route("PATCH", …)`."""
        return self.route("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """`route("DELETE", …)`."""
        return self.route("DELETE", path, **options)

    def routes(self) -> list[web.RouteDef]:
        """What aiohttp's router takes; PeerTube serves each path with a slash at its end, too."""
        return [
            route
            for endpoint in self.endpoints
            for route in (_route(endpoint, endpoint.path), _route(endpoint, f"{endpoint.path}/"))
        ]


def _schema_of(annotation: Any) -> Any:
    """The documented result of a handler, None for one without a body or with a body of its own."""
    if annotation is None or annotation is type(None) or annotation is bytes:
        return None
    if isinstance(annotation, type) and issubclass(annotation, web.StreamResponse):
        return None
    parts = [part for part in typing.get_args(annotation) if _schema_of(part) is not None]
    if isinstance(annotation, type) or typing.get_origin(annotation) in (list, dict):
        return annotation
    return parts[0] if len(parts) == 1 else (annotation if parts else None)


def _route(endpoint: Endpoint, path: str) -> web.RouteDef:
    handler = _bind(endpoint)
    if endpoint.method == "GET":
        return web.get(path, handler)
    return web.route(endpoint.method, path, handler)


def _bind(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler: rate, access, validation, the feature's handler, its answer."""
    adapters = inputs.path_adapters(endpoint.path_arguments)

    async def handle(request: web.Request) -> web.StreamResponse:
        if endpoint.rate is not None:
            await ratelimit.check(request, endpoint.rate)
        if endpoint.access is not Access.PUBLIC:
            await require_actor(request, role=endpoint.access.value)
        arguments: dict[str, object] = inputs.read_path(request, adapters)
        if endpoint.query is not None:
            arguments["query"] = inputs.read_query(request, endpoint.query)
        if endpoint.body is not None:
            limit = endpoint.body_limit
            arguments["body"] = await inputs.read_json(request, endpoint.body, limit=limit)
        if endpoint.form is None:
            return _answer(endpoint, await endpoint.handler(request, **arguments))
        async with inputs.read_form(request, endpoint.form, limit=endpoint.body_limit) as form:
            return _answer(endpoint, await endpoint.handler(request, form=form, **arguments))

    handle.__name__ = endpoint.handler.__name__  # type: ignore[attr-defined, unused-ignore]
    return handle


def _answer(endpoint: Endpoint, result: object) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    if result is None:
        return web.Response(status=endpoint.status if endpoint.returns is None else 204)
    body = result if isinstance(result, bytes) else to_json(result, by_alias=True)
    status = 200 if endpoint.status == 204 else endpoint.status
    return web.Response(body=body, status=status, content_type="application/json")
