"""All writes of videos: made, playable, failed, changed, deleted."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.channels.events import ChannelDeleted
from app.channels.models import Channel
from app.core.db import transaction
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.events import publish, subscribe
from app.core.ids import new_uuid
from app.core.jobs import cancel, enqueue
from app.videos.events import VideoCreated, VideoDeleted, VideoPublished, VideoUpdated
from app.videos.leftovers import remove_files
from app.videos.models import (
    VIDEO_TRANSITIONS,
    Privacy,
    Rendition,
    Video,
    VideoPassword,
    VideoSource,
    VideoState,
    new_file_secret,
)
from app.videos.popularity import hot_score
from app.videos.schemas import VideoCreate, VideoUpdate


@dataclass(frozen=True, slots=True)
class NewSource:
    """An uploaded file that is in storage already."""

    #: the name it had on the uploader's machine
    filename: str
    key: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRendition:
    """A finished media file in `hls/<uuid>/`; the fields are those of `models.Rendition`."""

    resolution: int
    codecs: str
    bandwidth: int
    average_bandwidth: int
    filename: str
    playlist_filename: str
    size: int
    width: int = 0
    height: int = 0
    fps: float = 0
    language: str | None = None


async def create_video(
    actor_user_id: int,
    channel_id: int,
    metadata: VideoCreate,
    source: NewSource,
    *,
    uuid: UUID | None = None,
) -> Video:
    """Make a video of an uploaded file, to be transcoded; publishes VideoCreated.

    `uuid` is given where the file was stored under it beforehand. Raises InvalidError when the
    channel is not the actor's or a password is missing.
    """
    async with transaction():
        await _ensure_channel(actor_user_id, channel_id)
        values = _columns(metadata) | {"channel_id": channel_id, "uuid": uuid or new_uuid()}
        video = await Video.create(**values, state=VideoState.TO_TRANSCODE)
        await _replace_passwords(video, metadata.video_passwords)
        await VideoSource.create(video=video, **asdict(source))
        await publish(VideoCreated(video.id, actor_user_id))
    return video


async def update_video(
    video_id: int,
    changes: VideoUpdate,
    *,
    actor_user_id: int | None = None,
    thumbnails: Sequence[dict[str, Any]] | None = None,
) -> Video:
    """Change what was sent and leave the rest; publishes VideoUpdated.

    `actor_user_id` owns the new channel when there is one; `thumbnails` are in storage already.
    Raises InvalidError.
    """
    async with transaction():
        video = await _locked(video_id)
        values = _columns(changes)
        if changes.channel_id is not None and changes.channel_id != video.channel_id:
            await _ensure_channel(actor_user_id, changes.channel_id)
            values["channel_id"] = changes.channel_id
        if values.get("privacy", video.privacy) != video.privacy or changes.video_passwords:
            values["file_secret"] = new_file_secret()
        video.update_from_dict(values)
        await video.save()
        if video.privacy is not Privacy.PASSWORD_PROTECTED:
            await VideoPassword.filter(video_id=video_id).delete()
        else:
            await _replace_passwords(video, changes.video_passwords)
        if thumbnails is not None:
            await set_thumbnails(video_id, thumbnails)
        await publish(VideoUpdated(video.id))
    return video


async def set_passwords(video_id: int, passwords: Sequence[str]) -> None:
    """Replace the passwords of a password-protected video. Raises InvalidError."""
    async with transaction():
        video = await _protected(video_id)
        await _replace_passwords(video, passwords)
        await _withdraw_file_tokens(video)


async def add_password(video_id: int, password: str) -> None:
    """Add a password to a password-protected video. Raises InvalidError."""
    async with transaction():
        video = await _protected(video_id)
        if not await VideoPassword.exists(video=video, password=password):
            await VideoPassword.create(video=video, password=password)


async def delete_password(video_id: int, password_id: int) -> None:
    """Take one password away; the last one stays. Raises NotFoundError, InvalidError."""
    async with transaction():
        video = await _protected(video_id)
        if await VideoPassword.filter(video=video).count() == 1:
            raise InvalidError(
                "The last password cannot be deleted: change the video's privacy instead.",
                field="passwordId",
            )
        if not await VideoPassword.filter(video=video, id=password_id).delete():
            raise NotFoundError("There is no such password.")
        await _withdraw_file_tokens(video)


async def set_thumbnails(video_id: int, thumbnails: Sequence[dict[str, Any]]) -> None:
    """Show these pictures, smallest first; the files of earlier ones are removed."""
    async with transaction():
        video = await _locked(video_id)
        kept = {each["filename"] for each in thumbnails}
        gone = [each["filename"] for each in video.thumbnails if each["filename"] not in kept]
        video.thumbnails = list(thumbnails)
        await video.save(update_fields=["thumbnails", "updated_at"])
        if gone:
            await enqueue(remove_files, keys=[f"thumbnails/{name}" for name in gone], prefixes=[])


async def mark_playable(video_id: int, playlist: dict[str, Any]) -> bool:
    """Play from this playlist (`models.Video.playlist`); gives whether this published the video.

    Published with the first rendition, or with the last where the uploader wished to wait.
    VideoPublished is told once in a video's life.
    """
    async with transaction():
        video = await _locked(video_id)
        video.playlist = playlist
        waits = video.wait_transcoding and not playlist["complete"]
        publishes = video.state is not VideoState.PUBLISHED and not waits
        first = publishes and video.published_at is None
        if publishes:
            _change_state(video, VideoState.PUBLISHED)
            video.error = video.error_code = None
        if first:
            video.published_at = datetime.now(UTC)
            video.hot_score = hot_score(video, video.published_at)
        await video.save()
        if first:
            await publish(VideoPublished(video.id))
    return publishes


async def mark_failed(video_id: int, code: str, sentence: str) -> None:
    """No video could be made of the file: say why, by a code and a sentence for the uploader."""
    async with transaction():
        video = await _locked(video_id)
        _change_state(video, VideoState.TRANSCODING_FAILED)
        video.error, video.error_code = sentence, code
        await video.save(update_fields=["state", "error", "error_code", "updated_at"])


async def retry_transcoding(video_id: int) -> None:
    """A failed video waits to be transcoded again."""
    async with transaction():
        video = await _locked(video_id)
        _change_state(video, VideoState.TO_TRANSCODE)
        video.error = video.error_code = None
        await video.save(update_fields=["state", "error", "error_code", "updated_at"])


async def add_renditions(
    video_id: int, renditions: Sequence[NewRendition], *, instead_of: Collection[str] = ()
) -> None:
    """Record finished files; those named in `instead_of` are no longer the video's."""
    async with transaction():
        if instead_of:
            await Rendition.filter(video_id=video_id, filename__in=list(instead_of)).delete()
        for rendition in renditions:
            await Rendition.create(video_id=video_id, **asdict(rendition))


async def delete_video(video_id: int) -> None:
    """Delete a video for good: its rows now, its files by a job; publishes VideoDeleted."""
    async with transaction():
        # a job that ends locks itself first and its video then: so do we
        await cancel(subject=f"video:{video_id}")
        video = await _locked(video_id)
        source = await VideoSource.get_or_none(video_id=video_id)
        keys = [f"thumbnails/{each['filename']}" for each in video.thumbnails]
        if video.storyboard:
            keys.append(f"storyboards/{video.storyboard['filename']}")
        if source:
            keys.append(source.key)
        await video.delete()
        await enqueue(
            remove_files,
            keys=keys,
            prefixes=[f"hls/{video.uuid}/", f"originals/{video.uuid}/"],
            after_jobs_of=f"video:{video_id}",
        )
        await publish(VideoDeleted(video_id, video.uuid, video.channel_id))


@subscribe(ChannelDeleted)
async def delete_videos_of_channel(event: ChannelDeleted) -> None:
    """A channel goes: its videos go with it, each with its files and events."""
    for video in await Video.filter(channel_id=event.channel_id).only("id"):
        await delete_video(video.id)


#: Columns that a null empties; elsewhere it means the same as nothing.
_MAY_BE_EMPTY = frozenset(
    {
        "category",
        "licence",
        "language",
        "description",
        "support",
        "nsfw_summary",
        "originally_published_at",
    }
)


def _columns(metadata: VideoUpdate) -> dict[str, Any]:
    """The columns that were sent, by name."""
    sent = metadata.model_dump(
        include=set(VideoUpdate.model_fields) & metadata.model_fields_set,
        exclude={"channel_id", "video_passwords"},
    )
    if "tags" in sent:
        sent["tags"] = sent["tags"] or []
    return {
        name: value for name, value in sent.items() if value is not None or name in _MAY_BE_EMPTY
    }


def _change_state(video: Video, state: VideoState) -> None:
    if state not in VIDEO_TRANSITIONS[video.state]:
        raise ConflictError(f"A video in state {video.state.name} cannot become {state.name}.")
    video.state = state


async def _locked(video_id: int) -> Video:
    video = await Video.select_for_update().get_or_none(id=video_id)
    if video is None:
        raise NotFoundError("There is no such video.")
    return video


async def _protected(video_id: int) -> Video:
    video = await _locked(video_id)
    if video.privacy is not Privacy.PASSWORD_PROTECTED:
        raise InvalidError("This video is not protected by a password.", field="id")
    return video


async def _ensure_channel(user_id: int | None, channel_id: int) -> None:
    if not await Channel.exists(id=channel_id, account__user_id=user_id):
        raise InvalidError("There is no such channel of yours.", field="channelId")


async def _replace_passwords(video: Video, passwords: Sequence[str] | None) -> None:
    """Set the passwords when some are given; a protected video always has one."""
    if video.privacy is not Privacy.PASSWORD_PROTECTED:
        return
    if passwords:
        await VideoPassword.filter(video=video).delete()
        for password in dict.fromkeys(passwords):
            await VideoPassword.create(video=video, password=password)
    elif passwords is not None or not await VideoPassword.exists(video=video):
        raise InvalidError("Give at least one password.", field="videoPasswords")


async def _withdraw_file_tokens(video: Video) -> None:
    video.file_secret = new_file_secret()
    await video.save(update_fields=["file_secret"])
