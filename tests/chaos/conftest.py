"""Films for the chaos, made once a run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.media.conftest import media_files
from tests.media.sources import Source, fetch

__all__ = ["media_files"]


@pytest.fixture
def media_file(media_files: Path) -> Callable[[Source], Path]:
    """Makes a source's file, once."""
    return lambda source: fetch(source, media_files)
