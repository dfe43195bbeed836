"""Fetches the browser libraries that `package-lock.json` pins, without npm: `python -m app.vendor`.

Each tarball is held to the lock's sha512 before a byte of it is kept, and only the files that pages
load are taken out. Doing it again does nothing until the lock or this list changes. `--tests` also
fetches what only the tests need. `npm_config_registry` names another registry, as it does for npm.
"""

import argparse
import base64
import hashlib
import io
import json
import os
import re
import shutil
import ssl
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / "app" / "static" / "vendor"
TEST_FOLDER: Final = ROOT / "node_modules" / "axe-core"
REGISTRY: Final = "https://registry.npmjs.org"
ATTEMPTS: Final = 3
SECONDS: Final = 60
LARGEST: Final = 64 * 1024**2

#: From each package: where a file is in its tarball, and the name it gets here.
FILES: Final[Mapping[str, Mapping[str, str]]] = {
    # the full build: the light one cannot play sound that stands in a rendition of its own
    "hls.js": {"dist/hls.min.mjs": "hls.mjs", "LICENSE": "hls.LICENSE.txt"},
    "htmx.org": {"dist/htmx.min.js": "htmx.js", "LICENSE": "htmx.LICENSE.txt"},
    # its modules import each other by the dozen; this is the maker's own single file with the menus
    "media-chrome": {"dist/iife/all.js": "media-chrome.js", "LICENSE": "media-chrome.LICENSE.txt"},
    "lucide-static": {"LICENSE": "icons.LICENSE.txt"},
}
TEST_FILES: Final[Mapping[str, Mapping[str, str]]] = {"axe-core": {"axe.min.js": "axe.min.js"}}

#: The icons of the sprite, by lucide's names.
ICONS: Final = (
    "ban check chevron-left chevron-right circle-alert circle-check clock copy download eye"
    " film house image info key-round languages layers link lock log-in log-out mail moon"
    " pause pencil play plus rotate-cw search settings share-2 smartphone sun tag trash-2"
    " triangle-alert tv upload user user-plus users x"
)


#: media-chrome's single file keeps its words to itself; this lets our page put its own language in.
PATCHES: Final[Mapping[str, tuple[bytes, bytes]]] = {
    "media-chrome.js": (
        b'={"Start airplay":"Start airplay",',
        b'=globalThis.mediaChromeWords={"Start airplay":"Start airplay",',
    )
}


class VendorError(Exception):
    """Why the libraries could not be fetched, in a sentence."""


def main(arguments: list[str] | None = None) -> int:
    """Fetch what is missing; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m app.vendor", description=__doc__)
    parser.add_argument("--tests", action="store_true", help="also what only the tests need")
    options = parser.parse_args(arguments)
    try:
        fetch_for_pages()
        if options.tests:
            fetch_for_tests()
    except VendorError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def fetch_for_pages() -> None:
    """The libraries and the icon sprite, into `app/static/vendor`. Raises VendorError."""

    def extras(tarballs: Mapping[str, bytes]) -> Iterable[tuple[str, bytes]]:
        yield "icons.svg", sprite(tarballs["lucide-static"], ICONS.split())

    _fetch(FILES, FOLDER, extras)


def fetch_for_tests() -> None:
    """The accessibility checker, into `node_modules` as npm would. Raises VendorError."""
    _fetch(TEST_FILES, TEST_FOLDER, lambda _: ())


def sprite(tarball: bytes, icons: Sequence[str]) -> bytes:
    """One SVG with a <symbol> for each icon. Raises VendorError for a name that lucide has not."""
    drawings = members(tarball, [f"icons/{name}.svg" for name in icons])
    symbols = []
    for name in icons:
        inner = re.search(
            r"<svg[^>]*>(.*)</svg>", drawings[f"icons/{name}.svg"].decode(), re.DOTALL
        )
        lines = re.sub(r"\s*\n\s*", "", inner.group(1)) if inner else ""
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{lines}</symbol>')
    text = '<svg xmlns="http://www.w3.org/2000/svg"><!-- Lucide, ISC -->' + "".join(symbols)
    return f"{text}</svg>\n".encode()


def _fetch(
    files: Mapping[str, Mapping[str, str]],
    folder: Path,
    extras: Callable[[Mapping[str, bytes]], Iterable[tuple[str, bytes]]],
) -> None:
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    stamp = _stamp(files, locked)
    if _read(folder / ".stamp") == stamp:
        (folder / ".stamp").touch()  # bin/run compares times before it asks
        return
    tarballs = {}
    for name in files:
        package = locked[f"node_modules/{name}"]
        tarballs[name] = download(name, package["version"], package["integrity"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".vendor-") as scratch:
        fresh = Path(scratch) / "fresh"
        fresh.mkdir()
        fresh.chmod(0o755)
        for name, wanted in files.items():
            for path, content in members(tarballs[name], wanted).items():
                (fresh / wanted[path]).write_bytes(_patched(wanted[path], content))
        for target, content in extras(tarballs):
            (fresh / target).write_bytes(content)
        (fresh / ".stamp").write_text(stamp)
        if folder.exists():
            shutil.move(folder, Path(scratch) / "old")
        fresh.rename(folder)


def _trust() -> ssl.SSLContext:
    """Who vouches for the registry; where nobody is known (a bare Debian), only the sha512."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def download(name: str, version: str, integrity: str) -> bytes:
    """The tarball of a package, its sha512 checked. Raises VendorError."""
    registry = os.environ.get("npm_config_registry", REGISTRY).rstrip("/")  # noqa: SIM112 - npm's own spelling
    url = f"{registry}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(url, timeout=SECONDS, context=_trust()) as answer:  # noqa: S310 - the registry's own address
                tarball: bytes = answer.read(LARGEST)
            break
        except (OSError, urllib.error.URLError) as error:
            if attempt == ATTEMPTS:
                raise VendorError(
                    f"{name} {version} could not be fetched from {registry}: {error}. "
                    "Is this machine online? npm_config_registry names another npm registry."
                ) from error
            time.sleep(attempt)
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    if found != integrity:
        raise VendorError(
            f"{name} {version} from {registry} differs from package-lock.json; nothing was kept."
        )
    return tarball


def members(tarball: bytes, paths: Collection[str]) -> dict[str, bytes]:
    """Files of a package by their paths. Raises VendorError for one that is not there."""
    found = {}
    with tarfile.open(
        fileobj=io.BytesIO(tarball), mode="r|gz"
    ) as archive:  # one pass: gzip has no index
        for member in archive:
            path = member.name.removeprefix("package/")
            if path in paths and (content := archive.extractfile(member)):
                found[path] = content.read()
    if missing := sorted(set(paths) - set(found)):
        raise VendorError(
            f"The package has no {', '.join(missing)}; app/vendor.py is to be mended."
        )
    return found


def _patched(name: str, content: bytes) -> bytes:
    if name not in PATCHES:
        return content
    old, new = PATCHES[name]
    if content.count(old) != 1:
        raise VendorError(f"{name} is not as app/vendor.py knows it; its patch is to be mended.")
    return content.replace(old, new)


def _stamp(files: Mapping[str, Mapping[str, str]], locked: Mapping[str, Mapping[str, str]]) -> str:
    versions = {name: locked[f"node_modules/{name}"]["integrity"] for name in files}
    parts = [versions, {name: dict(each) for name, each in files.items()}, ICONS, repr(PATCHES)]
    wish = json.dumps(parts)
    return hashlib.sha256(wish.encode()).hexdigest()


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
