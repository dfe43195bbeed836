"""Which release runs. A deployment writes its name into the file RELEASE beside `app/`."""

from functools import cache
from pathlib import Path

from app import __version__

FILE = Path(__file__).parent.parent.parent / "RELEASE"


@cache
def release() -> str:
    """The name of the release, e.g. `0.1.0-5f3a9c21`; in a checkout just the version."""
    try:
        return FILE.read_text().strip() or __version__
    except FileNotFoundError:
        return __version__
