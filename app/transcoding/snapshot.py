"""How far a plan is: everything that its playlists and its next steps follow from."""

import itertools
import json
from dataclasses import dataclass
from uuid import UUID

from app.core.db import Row, fetch, fetchrow
from app.media import records
from app.media.plan import AudioTrack, Plan
from app.transcoding.files import Names, StoredFile
from app.transcoding.models import PieceState

#: A plan with what decides about its publication; it stays so until the transaction ends.
LOCKED = """
SELECT transcoding.*, video.uuid, video.state AS video_state, video.playlist
FROM transcoding JOIN video ON video.id = transcoding.video_id
WHERE transcoding.id = $1 FOR UPDATE OF transcoding"""

#: Whoever changes a video locks its jobs, then the video, then its plan: never the other way round.
LOCK_VIDEO = """
SELECT FROM video WHERE id = (SELECT video_id FROM transcoding WHERE id = $1) FOR UPDATE"""

#: The same, to look at only.
UNLOCKED = LOCKED.removesuffix(" FOR UPDATE OF transcoding")

#: Which chunks are done, and which can be played in one size at least, in order.
CHUNKS = """
SELECT state, state = 'encoded' OR files <> '{}' AS begun
FROM transcoding_chunk WHERE transcoding_id = $1 ORDER BY number"""

#: The files of the first chunks.
CHUNK_FILES = """
SELECT files FROM transcoding_chunk WHERE transcoding_id = $1 AND number < $2 ORDER BY number"""

#: The sound tracks, in order.
SOUNDS = "SELECT * FROM transcoding_sound WHERE transcoding_id = $1 ORDER BY number"


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound track of a plan and what there is of it."""

    track: AudioTrack
    parts: tuple[StoredFile, ...]
    file: StoredFile | None

    @property
    def playable(self) -> bool:
        """Whether its beginning can be played."""
        return bool(self.parts or self.file)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a plan is."""

    id: int
    video_id: int
    names: Names
    plan: Plan
    copied: StoredFile | None
    #: whether each chunk is done, in order
    chunks: tuple[bool, ...]
    #: whether each chunk can be played, in one size at least, in order
    begun: tuple[bool, ...]
    sounds: tuple[Sound, ...]
    row: Row

    @property
    def run(self) -> int:
        """Chunks that can be played, in one size at least, without a gap from the first on."""
        return sum(1 for _ in itertools.takewhile(bool, self.begun))

    @property
    def everything_is_encoded(self) -> bool:
        """Whether only the joining is left."""
        return all(self.chunks) and all(sound.file for sound in self.sounds)

    @property
    def may_play(self) -> bool:
        """Whether there is enough to begin: a picture, and sound where the video has some."""
        if self.copied is not None:
            return all(sound.file for sound in self.sounds)
        return self.run > 0 and all(sound.playable for sound in self.sounds)

    @property
    def finished(self) -> bool:
        """Whether everything is in place."""
        return self.row["finished_at"] is not None


async def take(transcoding_id: int, *, lock: bool = False) -> Snapshot | None:
    """How far a plan is, None when it is gone; `lock` (in a transaction) keeps it so."""
    if lock:
        await fetchrow(LOCK_VIDEO, transcoding_id)
    row = await fetchrow(LOCKED if lock else UNLOCKED, transcoding_id)
    if row is None:
        return None
    plan = records.load(Plan, json.loads(row["plan"]))
    uuid: UUID = row["uuid"]
    chunks = await fetch(CHUNKS, row["id"])
    return Snapshot(
        id=row["id"],
        video_id=row["video_id"],
        names=Names(uuid, row["token"]),
        plan=plan,
        copied=_file(row["copied"]),
        chunks=tuple(each["state"] == PieceState.ENCODED for each in chunks),
        begun=tuple(each["begun"] for each in chunks),
        sounds=tuple(
            Sound(
                track=plan.audio[each["number"]],
                parts=tuple(StoredFile.from_json(part) for part in json.loads(each["parts"])),
                file=_file(each["file"]),
            )
            for each in await fetch(SOUNDS, row["id"])
        ),
        row=row,
    )


async def chunk_files(transcoding_id: int, count: int) -> list[dict[str, StoredFile]]:
    """The files of the first `count` chunks, in order, by the rung's name."""
    return [
        {name: StoredFile.from_json(value) for name, value in json.loads(row["files"]).items()}
        for row in await fetch(CHUNK_FILES, transcoding_id, count)
    ]


def _file(text: str | None) -> StoredFile | None:
    return StoredFile.from_json(json.loads(text)) if text else None
