"""What keeps other sites out: the headers of answers, and a look at where changes come from.

Cross-site requests are told by Sec-Fetch-Site, else by Origin, so there are no tokens in forms (the
way of Go 1.25's CrossOriginProtection). Requests with a bearer token carry nothing that a browser
adds by itself and need no check; nor do those to the API without our cookie.
"""

from collections.abc import Awaitable, Callable
from functools import cache
from urllib.parse import urlsplit

from aiohttp import web

from app.config import StorageBackend, settings
from app.core.auth import access_token
from app.core.errors import ForbiddenError
from app.core.ratelimit import rate_headers
from app.core.requests import is_api, request_id
from app.core.static import static_files

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_FRAMEABLE = web.RequestKey("frameable", bool)
_INLINE_STYLES = web.RequestKey("inline_styles", bool)
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
    "Access-Control-Max-Age": "86400",
}
_EXPOSED = "Content-Length, Content-Range, Location, Range, Retry-After, X-Request-Id"
_PAGE_HEADERS = {
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), browsing-topics=()",
}


def allow_framing(request: web.BaseRequest) -> None:
    """Let every site show this answer in a frame (embeds)."""
    request[_FRAMEABLE] = True


def allow_inline_styles(request: web.BaseRequest) -> None:
    """Let this page's elements bring their own styles (the player's controls do); never scripts."""
    request[_INLINE_STYLES] = True


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers what a browser asks before a cross-site call, and refuses cross-site changes."""
    if request.method not in _SAFE_METHODS:
        _refuse_cross_site(request)
    elif request.method == "OPTIONS" and is_api(request):
        wanted = request.headers.get("Access-Control-Request-Headers", "")
        return web.Response(
            status=204, headers=_PREFLIGHT | {"Access-Control-Allow-Headers": wanted}
        )
    return await handler(request)


async def add_headers(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """The security headers of every answer; a signal, so that streams and files get them too."""
    headers = response.headers
    headers["X-Request-Id"] = request_id(request)
    headers["Server"] = "Kinora"
    headers["X-Content-Type-Options"] = "nosniff"
    if is_api(request):
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Access-Control-Expose-Headers"] = _EXPOSED
        headers.update(rate_headers(request))
    elif response.content_type == "text/html":
        headers.update(_PAGE_HEADERS)
        frameable = request.get(_FRAMEABLE, False)
        headers["Content-Security-Policy"] = policy(
            frameable=frameable,
            inline_styles=request.get(_INLINE_STYLES, False),
            stored=_storage_origins(),
        )
        if not frameable:
            headers["X-Frame-Options"] = "DENY"


@cache
def policy(*, frameable: bool, inline_styles: bool, stored: str = "") -> str:
    """The Content-Security-Policy: our own files only; media also from `stored`, the S3 origins."""
    styles = "'self' 'unsafe-inline'" if inline_styles else "'self'"
    directives = {
        "default-src": "'self'",
        "script-src": f"'self' {static_files().import_map_hash}",
        "style-src": styles,
        "img-src": f"'self' data: blob: {stored}",
        "media-src": f"'self' blob: {stored}",
        "connect-src": f"'self' {stored}",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "*" if frameable else "'none'",
    }
    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())


def _storage_origins() -> str:
    storage = settings().storage
    if storage.backend is not StorageBackend.S3 or storage.s3_through_proxy:
        return ""
    origins = {_origin(url) for url in (*storage.s3_endpoint.split(), storage.s3_public_url) if url}
    return " ".join(sorted(origins))


def _refuse_cross_site(request: web.Request) -> None:
    token = access_token(request)
    if token is not None and token[1] == "bearer":
        return
    if is_api(request) and not any(name.startswith("kinora_") for name in request.cookies):
        return
    if _is_same_site(request):
        return
    raise ForbiddenError(
        "This request came from another site and was refused.", code="cross_site_request"
    )


def _is_same_site(request: web.BaseRequest) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:
        return True  # no browser: they all send one of the two with a change
    return urlsplit(origin).netloc == request.host or origin == _origin(settings().site.public_url)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
