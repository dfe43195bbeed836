"""Puts pip into the virtual environment that runs this, where Python comes without ensurepip.

The file is trusted by its hash, not by where it came from: a bare machine has no CA certificates.
"""

import configparser
import hashlib
import os
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

WHEEL = "pip-26.3-py3-none-any.whl"
SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"

PYPI = "https://pypi.org/simple"


def package_index() -> str:
    """The package index that pip would ask: the environment's, the nearest pip.conf's, or PyPI."""
    if named := os.environ.get("PIP_INDEX_URL"):
        return named
    home = Path.home()
    files = [
        *("/etc/xdg/pip/pip.conf", "/etc/pip.conf"),
        *(home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf"),
        os.environ.get("PIP_CONFIG_FILE", os.devnull),
    ]
    known = configparser.RawConfigParser(strict=False)
    known.read(files)
    return known.get("global", "index-url", fallback=PYPI)


def read(url: str) -> bytes:
    """What is at the address."""
    anyone = ssl.create_default_context()
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    with urllib.request.urlopen(url, timeout=60, context=anyone) as response:  # noqa: S310 - a package index
        body: bytes = response.read()
        return body


def main() -> None:
    """Find the wheel in the package index, check it, let it install itself."""
    index = package_index().rstrip("/") + "/pip/"
    try:
        page = read(index).decode()
        link = re.search(rf'href="([^"#]*{re.escape(WHEEL)})', page)
        if link is None:
            sys.exit(f"{index} has no {WHEEL}.")
        wheel = read(urljoin(index, link[1]))
    except OSError as error:
        sys.exit(f"pip could not be fetched from {index}: {error}")
    if hashlib.sha256(wheel).hexdigest() != SHA256:
        sys.exit(f"{WHEEL} from {index} is not the file we know.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / WHEEL
        path.write_bytes(wheel)
        install = [sys.executable, f"{path}/pip", "install", "--quiet", "--no-index", str(path)]
        sys.exit(subprocess.run(install, check=False).returncode)


if __name__ == "__main__":
    main()
