"""Which device a request comes from, for the list of logins."""

from aiohttp import web

from app.core.requests import client_address
from app.sessions.service import Device


def device_of(request: web.Request) -> Device:
    """The browser's or client's name for itself, and its address."""
    return Device(agent=request.headers.get("User-Agent", ""), address=client_address(request))
