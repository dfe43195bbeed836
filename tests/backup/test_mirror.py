"""A folder follows the store of a site, and gives everything back."""

from pathlib import Path

import pytest

from app.backup import mirror
from app.core.storage import Storage
from app.core.storage_copy import Tally
from app.core.storage_disk import DiskStorage
from tests.core.stored_files import FOLDER, KEY, content_of, keys_of


def silent(_: Tally) -> None:
    pass


@pytest.fixture
def site(settings_env: dict[str, str], tmp_path: Path) -> Storage:
    return DiskStorage(tmp_path / "site")


async def test_it_follows_what_comes_and_goes(site: Storage, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    await site.put_bytes(KEY, b"one")
    await site.put_bytes(f"{FOLDER}second.mp4", b"two")
    assert await mirror.fill(folder, site, silent) == 0
    assert await keys_of(mirror.place_in(folder), "") == [KEY, f"{FOLDER}second.mp4"]
    await site.put_bytes(KEY, b"changed")
    await site.delete(f"{FOLDER}second.mp4")
    assert await mirror.fill(folder, site, silent) == 1
    assert await keys_of(mirror.place_in(folder), "") == [KEY]
    assert await content_of(mirror.place_in(folder), KEY) == b"changed"


async def test_what_the_site_lost_comes_back(site: Storage, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    await site.put_bytes(KEY, b"one")
    await mirror.fill(folder, site, silent)
    for _ in range(2):  # a store that was lost again gets everything again
        await site.delete(KEY)
        await mirror.give_back(folder, site, silent)
        assert await content_of(site, KEY) == b"one"


async def test_an_emptied_folder_is_filled_anew(site: Storage, tmp_path: Path) -> None:
    await site.put_bytes(KEY, b"one")
    await mirror.fill(tmp_path / "a", site, silent)
    await mirror.fill(tmp_path / "b", site, silent)
    assert await content_of(mirror.place_in(tmp_path / "b"), KEY) == b"one"
