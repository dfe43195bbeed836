"""`kinora storage …`: look at the places of a site's files, and move them from one to the other."""

import asyncio
import hashlib
import sys
import tomllib
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError

from app.config import Place, StorageBackend, settings
from app.core import storage_check
from app.core.errors import AppError
from app.core.s3_signature import Credentials
from app.core.storage import Storage, place_of
from app.core.storage_copy import Copier, Journal, Tally, as_json, clear

#: How far the copying is, for whoever asks: a file of the scratch folder.
PROGRESS = "storage-move.json"


def check(*, other: bool) -> int:
    """Whether a place does what a site needs; `other` is the one that it is moving to."""
    place = settings().storage_to if other else settings().storage
    if place.backend is StorageBackend.S3:
        credentials = Credentials(
            place.s3_access_key.get_secret_value(),
            place.s3_secret_key.get_secret_value(),
            place.s3_region,
        )
        reports = [
            storage_check.report(
                storage_check.Place(endpoint.rstrip("/"), place.s3_bucket, credentials),
                make_bucket=False,
            )
            for endpoint in place.s3_endpoint.split() or [""]
        ]
        return max(reports)
    try:
        asyncio.run(_try(place_of(place)))
    except OSError as error:
        print(f"not ok: {place.root} cannot be written to: {error.strerror}.")
        return 1
    print(f"ok: files are put into {place.root}, and deleted")
    return 0


def move(to: str | None) -> int:
    """Copy everything to where the site moves, or to the place of a file; safe to repeat."""
    try:
        source, target = _places(to)
    except (ValueError, OSError, ValidationError) as error:
        print(f"kinora: {error}", file=sys.stderr)
        return 2
    return asyncio.run(_move(source, target))


def clear_old(*, everything: bool) -> int:
    """Remove from the old place what the site has in its new one."""
    known = settings()
    if known.storage_to.active or known.storage_from.active:
        print("kinora: the site is still moving; end that first.", file=sys.stderr)
        return 2
    if known.storage_from == type(known.storage_from)() or _same(known.storage_from, known.storage):
        print("kinora: the settings name no old place in [storage_from].", file=sys.stderr)
        return 2
    removed, kept = asyncio.run(_clear(everything=everything))
    print(f"{removed} files removed from the old place, {kept} kept there.")
    if kept:
        print(
            "Those are not in the new place: deleted from the site since, or never copied. --all"
            " removes them, too."
        )
    return 0


async def _clear(*, everything: bool) -> tuple[int, int]:
    old, site = place_of(settings().storage_from), place_of(settings().storage)
    try:
        return await clear(old, site, everything=everything)
    finally:
        await old.close()
        await site.close()


def _places(to: str | None) -> tuple[Place, Place]:
    known = settings()
    if to is not None:
        found = Place.model_validate(tomllib.loads(Path(to).read_text()).get("storage", {}))
        pair: tuple[Place, Place] = (known.storage, found)
    elif known.storage_to.active:
        pair = (known.storage, known.storage_to)
    elif known.storage_from.active:
        pair = (known.storage_from, known.storage)
    else:
        raise ValueError(
            "the settings name no place to move to: set active in [storage_to], or name a file"
            " with --to."
        )
    if _same(*pair):
        raise ValueError("both places are the same.")
    return pair


def _same(one: Place, other: Place) -> bool:
    return _name(one) == _name(other)


def _name(place: Place) -> str:
    if place.backend is StorageBackend.S3:
        return f"{place.s3_endpoint} {place.s3_bucket} {place.s3_access_key.get_secret_value()}"
    return str(place.root.absolute())


async def _move(source: Place, target: Place) -> int:
    pair = hashlib.sha256(f"{_name(source)}\n{_name(target)}".encode()).hexdigest()[:16]
    work = settings().storage.work
    journal = Journal(work / f"storage-move-{pair}.journal")
    places = place_of(source), place_of(target)

    def say(tally: Tally) -> None:
        print(tally.sentence(), flush=True)
        draft = work / f".{PROGRESS}"
        draft.write_text(as_json(tally))
        draft.replace(work / PROGRESS)

    copier = Copier(*places, journal=journal, say=say)
    try:
        tally = await copier.run()
    except AppError as error:
        print(f"kinora: {error}", file=sys.stderr)
        return 1
    finally:
        await places[0].close()
        await places[1].close()
    for problem in copier.problems[:20]:
        print(f"kinora: {problem}", file=sys.stderr)
    return 1 if tally.failed else 0


async def _try(place: Storage) -> None:
    await place.put_bytes("check/a.bin", b"x")
    await place.delete("check/a.bin")
    await place.remove_unfinished(older_than=timedelta(days=1))
