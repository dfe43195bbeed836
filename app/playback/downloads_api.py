"""Files to take along: for whoever may see a video, where its owner lets people keep it."""

from datetime import UTC, datetime
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, StringConstraints

from app.core.api import Api, BigInt, Schema
from app.core.auth import current_actor
from app.core.db import Row
from app.core.errors import InvalidError, NotFoundError
from app.core.ids import parse_uuid
from app.playback.files import attachment, serve
from app.playback.films import FilmResponse, Source, weave
from app.playback.gate import is_open, pass_download_gate
from app.playback.ranges import Version
from app.videos.api import Reference
from app.videos.downloads import renditions, saved_name
from app.videos.queries import ensure_not_guessed, find_video

api = Api(tag="Video Download")

#: Asked about each time: its owner may have changed who may keep it.
HEADERS = {"Cache-Control": "private, no-cache"}
#: A file's name begins with the uuid of its video.
UUID_LENGTH = 36

Filename = Annotated[str, StringConstraints(min_length=UUID_LENGTH, max_length=120)]


class WantedFiles(Schema):
    """PeerTube's choice of what a film is made of: one picture, one sound, or both."""

    video_file_ids: Annotated[list[BigInt], Field(min_length=1, max_length=2)]


@api.get("//download/streaming-playlists/hls/videos/{filename}", returns=bytes)
async def download_file(request: web.Request, filename: Filename) -> web.StreamResponse:
    """One stored file of a video: a picture or its sound."""
    if (uuid := parse_uuid(filename[:UUID_LENGTH])) is None:
        raise NotFoundError("There is no such file.")
    facts = await pass_download_gate(request, uuid)
    row = await find_video(str(uuid))
    for rendition in renditions(row):
        if rendition["filename"] == filename:
            return await _file(row, rendition, is_public=is_open(facts))
    raise NotFoundError("There is no such file.")


@api.get("//download/videos/generate/{id}", returns=bytes)
async def download_film(
    request: web.Request, id: Reference, query: WantedFiles
) -> web.StreamResponse:
    """A picture with its sound, as one file that plays everywhere."""
    row = await find_video(id)
    facts = await pass_download_gate(request, row["uuid"])
    ensure_not_guessed(id, facts, await current_actor(request))
    known = {each["id"]: each for each in renditions(row)}
    try:
        wanted = [known[number] for number in dict.fromkeys(query.video_file_ids)]
    except KeyError:
        raise NotFoundError("There is no such file of this video.") from None
    if len(wanted) == 1:
        return await _file(row, wanted[0], is_public=is_open(facts))
    sound, picture = sorted(wanted, key=lambda each: each["resolution"])
    if sound["resolution"] or not picture["resolution"]:
        raise InvalidError("A film has one picture and one sound.", field="videoFileIds")
    return await _film(row, picture, sound)


async def _film(row: Row, picture: dict[str, Any], sound: dict[str, Any]) -> web.StreamResponse:
    film = await weave(Source.of(row["uuid"], picture), Source.of(row["uuid"], sound))
    made = datetime.fromisoformat(picture["created_at"]).astimezone(UTC).replace(microsecond=0)
    disposition = attachment(saved_name(row["name"], picture["resolution"]))
    return FilmResponse(
        film,
        Version(f"{picture['id']:x}-{sound['id']:x}", made),
        headers=HEADERS | {"Content-Type": "video/mp4", "Content-Disposition": disposition},
    )


async def _file(row: Row, rendition: dict[str, Any], *, is_public: bool) -> web.StreamResponse:
    kind = {} if rendition["resolution"] else {"Content-Type": "audio/mp4"}
    return await serve(
        f"hls/{row['uuid']}/{rendition['filename']}",
        headers=HEADERS | kind,
        is_public=is_public,
        download_as=saved_name(row["name"], rendition["resolution"]),
    )
