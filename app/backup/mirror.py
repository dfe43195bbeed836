"""A folder of this host that has what the bucket has, for backups that read from a disk."""

from collections.abc import Callable
from pathlib import Path

from app.core.storage import Storage
from app.core.storage_copy import Copier, CopyError, Journal, Tally
from app.core.storage_disk import DiskStorage

#: What was copied and compared; it goes with the folder, so that an emptied folder is filled anew.
JOURNAL = ".journal"
FILES = "files"


def place_in(folder: Path) -> DiskStorage:
    """The mirror's files, which lie as on a site that keeps its files on a disk."""
    return DiskStorage(folder / FILES)


async def fill(folder: Path, site: Storage, say: Callable[[Tally], None]) -> int:
    """Bring the mirror up to date; gives how many files went. Raises CopyError."""
    target = place_in(folder)
    await _copy(site, target, Journal(folder / JOURNAL), say)
    wanted = {entry.key async for entry in site.entries("")}
    gone = [entry.key async for entry in target.entries("") if entry.key not in wanted]
    await target.delete(*gone)
    return len(gone)


async def give_back(folder: Path, site: Storage, say: Callable[[Tally], None]) -> None:
    """Put everything of the mirror into the site's place. Raises CopyError."""
    journal = folder / f"{JOURNAL}-back"
    journal.unlink(missing_ok=True)  # the place may be another one than the last time
    await _copy(place_in(folder), site, Journal(journal), say)
    journal.unlink()


async def _copy(
    source: Storage, target: Storage, journal: Journal, say: Callable[[Tally], None]
) -> None:
    copier = Copier(source, target, journal=journal, say=say)
    tally = await copier.run()
    if tally.failed:
        raise CopyError("; ".join(copier.problems[:5]))
