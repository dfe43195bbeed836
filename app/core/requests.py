"""What every part may ask about a request: its id, from where it came, how to answer it."""

import ipaddress
import re
import secrets
from collections.abc import Sequence
from functools import cache

from aiohttp import web

from app.config import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_REQUEST_ID = web.RequestKey("request_id", str)
_CLIENT = web.RequestKey("client_address", str)
_FOR_PROGRAMS = ("/api/", "/static/streaming-playlists/", "/lazy-static/", "/download/")
_ID_FORM = re.compile(r"[A-Za-z0-9_.-]{8,64}")


def request_id(request: web.BaseRequest) -> str:
    """The id under which this request stands in the log; a trusted proxy's X-Request-Id is kept."""
    if _REQUEST_ID not in request:
        given = request.headers.get("X-Request-Id", "")
        believed = given and _ID_FORM.fullmatch(given) and is_proxied(request)
        request[_REQUEST_ID] = given if believed else secrets.token_hex(8)
    return request[_REQUEST_ID]


def client_address(request: web.BaseRequest) -> str:
    """The visitor's address: the last one in X-Forwarded-For that is no trusted proxy of ours."""
    if _CLIENT not in request:
        request[_CLIENT] = _find_client(request)
    return request[_CLIENT]


def is_proxied(request: web.BaseRequest) -> bool:
    """Whether the peer of this connection is a trusted proxy (a unix socket's peer always is)."""
    return request.remote is None or request.remote == "" or _is_trusted(request.remote)


def is_https(request: web.BaseRequest) -> bool:
    """Whether the visitor speaks TLS, to us or to a trusted proxy."""
    if is_proxied(request) and (scheme := request.headers.get("X-Forwarded-Proto")):
        return scheme.strip().lower() == "https"
    return request.secure


def is_api(request: web.BaseRequest) -> bool:
    """Whether the asker is a program that wants problem+json rather than a page."""
    return request.path.startswith(_FOR_PROGRAMS)


def _find_client(request: web.BaseRequest) -> str:
    if not is_proxied(request):
        return request.remote or ""
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    last = request.remote or ""
    for entry in reversed(forwarded):
        address = entry.strip()
        if _parse(address) is None:
            break
        last = address
        if not _is_trusted(address):
            break
    return last


def _is_trusted(text: str) -> bool:
    address = _parse(text)
    if address is None:
        return False
    return any(address in network for network in _trusted(tuple(settings().web.trusted_proxies)))


@cache
def _trusted(networks: Sequence[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(network, strict=False) for network in networks)


def _parse(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
