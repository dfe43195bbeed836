"""Files for the media tests, made once per run whatever the number of processes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.media.broken import BROKEN
from tests.media.sources import SOURCES, Fetchable, fetch


@pytest.fixture(scope="session")
def media_files(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder that keeps generated files for the whole run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "media-files"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def source_file(media_files: Path) -> Callable[[str], Path]:
    """Give the file of a source by its name."""
    kinds: tuple[Fetchable, ...] = (*SOURCES, *BROKEN)
    by_name = {one.name: one for one in kinds}
    return lambda name: fetch(by_name[name], media_files)
