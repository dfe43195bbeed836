"""Playlists that carry a file token along, for players that cannot send a cookie or a header."""

import re
from urllib.parse import quote

_URI = re.compile(r'URI="([^"]+)"')


def with_token(playlist: str, token: str) -> str:
    """An HLS playlist whose addresses all have the token; those of playlists ask to go on so."""
    return "".join(
        _line(line, quote(token, safe="")) for line in playlist.splitlines(keepends=True)
    )


def _line(line: str, token: str) -> str:
    if line.startswith("#"):
        return _URI.sub(lambda found: f'URI="{_address(found[1], token)}"', line)
    if not line.strip():
        return line
    ending = line[len(line.rstrip("\r\n")) :]
    return _address(line.rstrip("\r\n"), token) + ending


def _address(address: str, token: str) -> str:
    if "://" in address or address.startswith(("data:", "//")):
        return address
    more = "&reinjectVideoFileToken=true" if address.partition("?")[0].endswith(".m3u8") else ""
    return f"{address}{'&' if '?' in address else '?'}videoFileToken={token}{more}"
