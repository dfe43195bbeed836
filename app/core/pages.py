"""Pages: Jinja2 templates, rendered whole or, when htmx asks, only their block `fragment`.

pages = Pages()

@pages.get("/w/{video}")
async def watch(request: web.Request, video: str) -> web.Response:
    return render(request, "videos/watch.html", video=…)
"""

import base64
import binascii
import inspect
import typing
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar
from urllib.parse import quote, urlsplit

from aiohttp import web

from app.core import i18n, inputs, ratelimit
from app.core.api import Access
from app.core.auth import current_actor, known_actor, require_actor
from app.core.errors import AppError, UnauthenticatedError
from app.core.forms import OPEN_FORMS
from app.core.problems import title
from app.core.requests import is_https, request_id
from app.core.templates import render_template

FLASH = "kinora_flash"
FLASH_LENGTH = 500

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[web.StreamResponse]])


def render(
    request: web.BaseRequest, template: str, *, status: int = 200, **context: object
) -> web.Response:
    """The page of a template; only its block `fragment` where htmx asks for a part.

    Every template also has: actor, settings, request, status, locale, flash, url_for_static,
    import_map.
    """
    flash = _read_flash(request)
    common = {
        "actor": known_actor(request),
        "request": request,
        "flash": flash,
        "status": status,
    }
    body = render_template(template, common | context, fragment=wants_fragment(request))
    response = web.Response(
        text=body,
        status=status,
        content_type="text/html",
        headers={"Vary": "HX-Request, Cookie, Accept-Language", "Cache-Control": "no-cache"},
    )
    if flash is not None:
        response.del_cookie(FLASH, path="/")
    return response


def render_error(request: web.BaseRequest, error: AppError) -> web.Response:
    """The page that tells a person about an error."""
    response = render(
        request,
        "errors/error.html",
        status=error.status,
        title=i18n.gettext(title(error.status)),
        detail=i18n.gettext(error.detail),
        request_id=request_id(request),
    )
    response.headers.update(error.headers)
    return response


def redirect(request: web.BaseRequest, to: str, *, flash: str | None = None) -> web.Response:
    """Go on at a path of this site; `flash` is said once on the next page.

    Anything that is not a path of this site becomes the front page, so that a `next` from outside
    leads nowhere else.
    """
    target = local_path(to)
    if "HX-Request" in request.headers and "HX-Boosted" not in request.headers:
        response = web.Response(headers={"HX-Redirect": target})
    else:
        response = web.Response(status=303, headers={"Location": target})
    if flash is not None:
        response.set_cookie(
            FLASH,
            base64.urlsafe_b64encode(flash[:FLASH_LENGTH].encode()).decode(),
            max_age=60,
            httponly=True,
            samesite="Lax",
            secure=is_https(request),
        )
    return response


def local_path(target: str, *, otherwise: str = "/") -> str:
    """The target when it is a path of this site, else `otherwise`."""
    if not target.startswith("/") or target.startswith(("//", "/\\")):
        return otherwise
    if any(character in target for character in "\\\r\n\t\x00"):
        return otherwise
    parts = urlsplit(target)
    return otherwise if parts.scheme or parts.netloc else target


def wants_fragment(request: web.BaseRequest) -> bool:
    """Whether htmx asks for a part of the page (a boosted link wants the whole)."""
    headers = request.headers
    return (
        "HX-Request" in headers
        and "HX-Boosted" not in headers
        and "HX-History-Restore-Request" not in headers
        and headers.get("HX-Request-Type") != "full"
    )


class Pages:
    """The pages of one feature."""

    def __init__(self) -> None:
        self._routes: list[web.RouteDef] = []

    def get(
        self, path: str, *, access: Access = Access.PUBLIC, rate: str | None = None
    ) -> Callable[[Handler], Handler]:
        """Serve a page; HEAD is answered too. `rate` names a limit of the settings."""
        return self._register(web.get, path, access, rate)

    def post(
        self, path: str, *, access: Access = Access.PUBLIC, rate: str | None = None
    ) -> Callable[[Handler], Handler]:
        """Take a form."""
        return self._register(web.post, path, access, rate)

    def routes(self) -> list[web.RouteDef]:
        """What aiohttp's router takes."""
        return list(self._routes)

    def _register(
        self, method: Callable[..., web.RouteDef], path: str, access: Access, rate: str | None
    ) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self._routes.append(method(path, _bind(handler, access, rate)))
            return handler

        return register


async def prepare(request: web.Request) -> None:
    """Find out who is asking and in which language to answer; every page does this first."""
    actor = await current_actor(request)
    chosen = actor.preferences.get("language") if actor else None
    i18n.speak(i18n.language_of(request, preference=chosen))


def _bind(
    handler: Callable[..., Awaitable[web.StreamResponse]], access: Access, rate: str | None
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    hints = typing.get_type_hints(handler, include_extras=True)
    names = list(inspect.signature(handler).parameters)[1:]
    query = hints["query"] if "query" in names else None
    adapters = inputs.path_adapters({name: hints[name] for name in names if name != "query"})

    async def handle(request: web.Request) -> web.StreamResponse:
        await prepare(request)
        if rate is not None:
            await ratelimit.check(request, rate)
        try:
            if access is not Access.PUBLIC:
                await require_actor(request, role=access.value)
        except UnauthenticatedError:
            return _to_login(request)
        arguments = inputs.read_path(request, adapters)
        if query is not None:
            arguments["query"] = inputs.read_query(request, query)
        async with AsyncExitStack() as stack:
            request[OPEN_FORMS] = stack
            return await handler(request, **arguments)

    return handle


def _to_login(request: web.Request) -> web.Response:
    """The page that was asked for comes after the login; for a form, the page that it is on."""
    wanted = request.path_qs
    if request.method == "POST":
        wanted = urlsplit(request.headers.get("Referer", "")).path or "/"
    return redirect(request, f"/login?next={quote(local_path(wanted), safe='/')}")


def _read_flash(request: web.BaseRequest) -> str | None:
    written = request.cookies.get(FLASH)
    if not written:
        return None
    try:
        return base64.urlsafe_b64decode(written).decode()[:FLASH_LENGTH]
    except (binascii.Error, ValueError):
        return None
