"""Which device a request comes from, and how people call it."""

from typing import Final

from aiohttp import web

from app.core.requests import client_address
from app.sessions.service import Device

#: what stands in a User-Agent, most telling first
_PROGRAMS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def device_of(request: web.Request) -> Device:
    """The browser's or client's name for itself, and its address."""
    return Device(agent=request.headers.get("User-Agent", ""), address=client_address(request))


def device_name(agent: str) -> str:
    """A User-Agent in words: `Firefox, Linux`; a program's own name where it is no browser."""
    program = next((name for mark, name in _PROGRAMS if mark in agent), None)
    if program is None:
        return agent.partition("/")[0].strip()[:60]
    system = next((name for mark, name in _SYSTEMS if mark in agent), None)
    return f"{program}, {system}" if system else program
