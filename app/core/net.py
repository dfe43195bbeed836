"""The one way out: HTTP to addresses that strangers name, without reaching what is private.

The check is made where the socket is made, on the very address that is connected to, so that no
resolver's second answer, redirect, or odd way to write an address leads around it. Size, time,
redirects and content types are bounded too.
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp import ClientSession as Session  # noqa: TID251 - this is the one place
from multidict import CIMultiDictProxy
from yarl import URL

from app import __version__
from app.config import settings
from app.core.errors import AppError

MAX_SIZE = 1 << 20
TIMEOUT_SECONDS = 15.0
MAX_REDIRECTS = 5
CONNECTIONS, CONNECTIONS_PER_HOST = 100, 6
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
#: Headers that only their first recipient may see.
_PRIVATE_HEADERS = ("Authorization", "Cookie", "Signature", "Signature-Input")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: What IANA's registries call special, where Python's `is_global` says (or once said) otherwise:
#: 6to4 relays, benchmarks, IETF protocols, site-local, Teredo, 6to4, local NAT64, segment routing,
#: documentation, discard-only.
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("192.88.99.0/24", "198.18.0.0/15", "192.0.0.0/24", "100.64.0.0/10", "240.0.0.0/4"),
        *("fec0::/10", "2001::/23", "2002::/16", "64:ff9b:1::/48", "5f00::/16", "3fff::/20"),
        *("2001:db8::/32", "100::/64"),
    )
)
#: IPv4 inside IPv6: mapped, translated, NAT64's well-known prefix, and the compatible form of old.
_EMBEDDING = tuple(
    ipaddress.IPv6Network(network)
    for network in ("::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "::/96")
)


class OutboundError(AppError):
    """A call to another server did not give what was asked; the sentence says why."""

    status = 502


class BlockedAddressError(OSError):
    """An address that nobody outside may make us speak to."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, whole."""

    url: str
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def content_type(self) -> str:
        """The type without its parameters, in lower case."""
        return _content_type(self.headers)


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open Internet, whatever it is wrapped in."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    plain = _unwrapped(parsed)
    if any(plain in network for network in _SPECIAL if network.version == plain.version):
        return False
    return plain.is_global and not plain.is_multicast and not plain.is_unspecified


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address) and any(
        address in network for network in _EMBEDDING
    ):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def guarded_socket(address_info: tuple[Any, ...]) -> socket.socket:
    """A socket for an address that `is_public`; BlockedAddressError for any other."""
    family, kind, protocol, _, address = address_info
    if address[0] not in _allowed and not is_public(address[0]):
        raise BlockedAddressError(f"{address[0]} is not a public address")
    return socket.socket(family, kind, protocol)


_allowed: set[str] = set()


@contextlib.contextmanager
def allowing(*addresses: str) -> Iterator[None]:
    """Let these addresses be reached for as long as the block runs (a test's own server)."""
    added = set(addresses) - _allowed
    _allowed.update(added)
    try:
        yield
    finally:
        _allowed.difference_update(added)


async def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    content_types: Collection[str] = (),
    max_size: int = MAX_SIZE,
    seconds: float = TIMEOUT_SECONDS,
) -> Fetched:
    """Ask a server that a stranger named; an OutboundError when no whole answer comes of it.

    `content_types` are the types that are taken from a 2xx answer (all, when empty), `max_size` the
    bytes of the body after decompression, `seconds` the time for everything, redirects included.
    An answer with an error status is an answer.
    """
    try:
        async with asyncio.timeout(seconds):
            async with _following(_checked(url), method, dict(headers or {}), body) as response:
                if (
                    response.ok
                    and content_types
                    and _content_type(response.headers) not in set(content_types)
                ):
                    kind = _content_type(response.headers) or "nothing"
                    raise OutboundError(f"{url} answered with {kind}.")
                content = await _read(response, max_size)
                return Fetched(str(response.url), response.status, response.headers, content)
    except TimeoutError:
        raise OutboundError(f"{url} did not answer in {seconds:g} s.") from None
    except aiohttp.ClientError as error:
        raise OutboundError(_sentence(url, error)) from error


@contextlib.asynccontextmanager
async def _following(
    url: URL, method: str, headers: dict[str, str], body: bytes | None
) -> AsyncIterator[aiohttp.ClientResponse]:
    for _ in range(MAX_REDIRECTS + 1):
        async with guarded_session().request(
            method, url, headers=headers, data=body, allow_redirects=False
        ) as response:
            target = response.headers.get("Location")
            if response.status not in _REDIRECTS or target is None or method not in ("GET", "HEAD"):
                yield response
                return
            following = _checked(target, seen_from=url)
        if url.scheme == "https" and following.scheme != "https":
            raise OutboundError(f"{url} leads from https to http.")
        if following.origin() != url.origin():
            headers = {
                name: value
                for name, value in headers.items()
                if name.title() not in _PRIVATE_HEADERS
            }
        url = following
    raise OutboundError(f"{url} leads in circles.")


def _checked(url: str, *, seen_from: URL | None = None) -> URL:
    try:
        parsed = seen_from.join(URL(url)) if seen_from else URL(url)
        port = parsed.port
    except ValueError:
        raise OutboundError("That is no address on the web.") from None
    if parsed.scheme not in ("http", "https") or not parsed.host or port is None:
        raise OutboundError("That is no address on the web.")
    if parsed.user is not None or parsed.password is not None:
        raise OutboundError("An address with a password in it is not followed.")
    return parsed


async def _read(response: aiohttp.ClientResponse, max_size: int) -> bytes:
    if (response.content_length or 0) > max_size:
        raise OutboundError(f"{response.url} answered with more than {max_size} bytes.")
    content = bytearray()
    async for block in response.content.iter_chunked(1 << 16):
        content += block
        if len(content) > max_size:
            raise OutboundError(f"{response.url} answered with more than {max_size} bytes.")
    return bytes(content)


def _content_type(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _sentence(url: str, error: aiohttp.ClientError) -> str:
    cause = getattr(error, "os_error", None)
    if isinstance(cause, BlockedAddressError) or "is not a public address" in str(error):
        return f"{url} is not on the open Internet."
    return f"{url} could not be reached: {error}"


@dataclass(slots=True)
class _Sessions:
    guarded: Session | None = None
    trusting: Session | None = None


_sessions: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Sessions]" = WeakKeyDictionary()


def guarded_session() -> Session:
    """This process's session to the open Internet; `close_sessions` ends it."""
    held = _sessions.setdefault(asyncio.get_running_loop(), _Sessions())
    if held.guarded is None or held.guarded.closed:
        held.guarded = _session(guarded=True)
    return held.guarded


def trusting_session() -> Session:
    """This process's session to what the administrator named: our own object store."""
    held = _sessions.setdefault(asyncio.get_running_loop(), _Sessions())
    if held.trusting is None or held.trusting.closed:
        held.trusting = _session(guarded=False)
    return held.trusting


async def close_sessions() -> None:
    """End this process's connections, before its loop ends."""
    held = _sessions.pop(asyncio.get_running_loop(), _Sessions())
    for session in (held.guarded, held.trusting):
        if session is not None:
            await session.close()


def _session(*, guarded: bool) -> Session:
    connector = aiohttp.TCPConnector(
        limit=CONNECTIONS,
        limit_per_host=CONNECTIONS_PER_HOST if guarded else 0,
        socket_factory=guarded_socket if guarded else None,
    )
    return Session(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": f"Kinora/{__version__} (+{settings().site.public_url})"},
    )
