"""The program's own static files under names that hold their content's hash, so that browsers keep
them for ever: `/static/app/css/site.css` is served as `/static/app/css/site.0f3a9c21b4.css`.

Modules import each other by their plain names; an import map, the same on every page, leads the
browser to the hashed ones, so that there is no bundler. Its own hash stands in the CSP.
"""

import asyncio
import base64
import gzip
import hashlib
import json
import mimetypes
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

from aiohttp import web

from app.core.errors import NotFoundError

FOLDER = Path(__file__).parent.parent / "static"
PREFIX = "/static/app/"
#: Names of modules that are no paths, e.g. {"hls.js": "vendor/hls.light.min.js"}.
NAMES_FILE = "modules.json"
YEAR = 365 * 86400
_COMPRESSED = frozenset(
    ("text/css", "text/javascript", "image/svg+xml", "application/json", "text/plain")
)
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
}
_CSS_URL = re.compile(rb"""url\(\s*(["']?)(?!data:|https?:|/|#)([^"')#]+)([^"')]*)\1\s*\)""")


@dataclass(frozen=True)
class StaticFile:
    """A file as it is served."""

    path: Path
    name: str
    hashed: str
    content_type: str
    etag: str


class StaticFiles:
    """The files of a folder, hashed once at start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        named = {path.relative_to(folder).as_posix(): path for path in paths}
        styles = {name: path for name, path in named.items() if path.suffix == ".css"}
        self._files = {
            name: _describe(name, path, path.read_bytes())
            for name, path in named.items()
            if name not in styles
        }
        # A style sheet's hash covers the hashed names of what it refers to.
        self._styles = {name: self._linked(name, path) for name, path in styles.items()}
        for name, path in styles.items():
            self._files[name] = _describe(name, path, self._styles[name])
        self._by_hashed = {file.hashed: file for file in self._files.values()}

    def url(self, name: str) -> str:
        """The address of a file; a name that does not exist is a fault in a template."""
        if name not in self._files:
            raise LookupError(f"no static file {name!r}")
        return PREFIX + self._files[name].hashed

    @cached_property
    def import_map(self) -> str:
        """The text of the import map of every page."""
        modules = {
            PREFIX + name: self.url(name) for name in self._files if name.endswith((".js", ".mjs"))
        }
        names = self.folder / NAMES_FILE
        if names.exists():
            declared: Mapping[str, str] = json.loads(names.read_text())
            modules |= {bare: self.url(name) for bare, name in declared.items()}
        return json.dumps({"imports": modules}, separators=(",", ":")).replace("<", "\\u003c")

    @cached_property
    def import_map_hash(self) -> str:
        """The import map as a CSP source."""
        digest = hashlib.sha256(self.import_map.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The handler of `/static/app/…`: hashed names for ever, plain ones are asked for anew."""
        asked = request.match_info["name"]
        file = self._by_hashed.get(asked) or self._files.get(asked)
        if file is None:
            raise NotFoundError("There is no such file.")
        for_ever = asked == file.hashed
        headers = {
            "ETag": f'"{file.etag}"',
            "Cache-Control": f"public, max-age={YEAR}, immutable" if for_ever else "no-cache",
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        if file.content_type in _COMPRESSED:
            headers["Vary"] = "Accept-Encoding"
        if any(tag.value in (file.etag, "*") for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        packed = file.content_type in _COMPRESSED and accepts_gzip(request)
        if packed:
            headers["Content-Encoding"] = "gzip"
        body = await asyncio.to_thread(self._packed if packed else self._content, file)
        charset = "utf-8" if file.content_type.startswith("text/") else None
        return web.Response(
            body=body, headers=headers, content_type=file.content_type, charset=charset
        )

    def _content(self, file: StaticFile) -> bytes:
        return self._styles.get(file.name) or file.path.read_bytes()

    @lru_cache(maxsize=256)  # noqa: B019 - one object a process, the bytes are wanted for its life
    def _packed(self, file: StaticFile) -> bytes:
        return gzip.compress(self._content(file), 9, mtime=0)

    def _linked(self, name: str, path: Path) -> bytes:
        """A style sheet with the hashed names of the pictures and fonts that it refers to."""

        def link(found: re.Match[bytes]) -> bytes:
            written = found[2].decode()
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), written))
            if target not in self._files:
                raise LookupError(f"{name} refers to {written!r}, which does not exist")
            return b'url("' + self.url(target).encode() + found[3] + b'")'

        return _CSS_URL.sub(link, path.read_bytes())


@cache
def static_files() -> StaticFiles:
    """The program's own static files."""
    return StaticFiles(FOLDER)


def accepts_gzip(request: web.BaseRequest) -> bool:
    """Whether the asker understands gzip, and no proxy of ours is there to do it better."""
    headers = request.headers
    return "gzip" in headers.get("Accept-Encoding", "") and "X-Forwarded-For" not in headers


def _describe(name: str, path: Path, content: bytes) -> StaticFile:
    digest = hashlib.sha256(content).hexdigest()[:10]
    stem, dot, suffix = name.rpartition(".")
    hashed = f"{stem}.{digest}.{suffix}" if dot else f"{name}.{digest}"
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return StaticFile(path, name, hashed, _TYPES.get(path.suffix, guessed), digest)
