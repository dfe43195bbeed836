"""What comes in about videos, in PeerTube's names; the lengths are PeerTube's too."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from app.core.api import BigInt, ListQuery, Schema, UploadedFile
from app.core.ids import parse_uuid
from app.videos.models import CommentsPolicy, Privacy
from app.videos.vocabulary import CATEGORIES, LANGUAGES, LICENCES

NAME_LENGTH = (3, 120)


def _known_category(number: int) -> int:
    if number not in CATEGORIES:
        raise ValueError("Unknown category")
    return number


def _known_licence(number: int) -> int:
    if number not in LICENCES:
        raise ValueError("Unknown licence")
    return number


def _known_language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError("Unknown language")
    return code


def _in_utc(moment: datetime) -> datetime:
    """A moment without a zone is UTC; years that no database or browser agrees on are refused."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if not 1000 < moment.year < 9000:
        raise ValueError("Not a plausible date")
    return moment.astimezone(UTC)


def _any_uuid(value: object) -> object:
    """A uuid may be written in its short form."""
    return (parse_uuid(value) or value) if isinstance(value, str) else value


def _distinct(values: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(values))


Identifier = Annotated[UUID, BeforeValidator(_any_uuid)]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=30)]
Password = Annotated[str, StringConstraints(min_length=2, max_length=255)]


class VideoUpdate(Schema):
    """A change of a video: what is not sent stays, a null clears what may be empty."""

    channel_id: BigInt | None = None
    name: (
        Annotated[
            str,
            StringConstraints(
                strip_whitespace=True, min_length=NAME_LENGTH[0], max_length=NAME_LENGTH[1]
            ),
        ]
        | None
    ) = None
    category: Annotated[int, AfterValidator(_known_category)] | None = None
    licence: Annotated[int, AfterValidator(_known_licence)] | None = None
    language: Annotated[str, AfterValidator(_known_language)] | None = None
    privacy: Privacy | None = None
    description: Annotated[str, Field(max_length=10_000)] | None = None
    support: Annotated[str, Field(max_length=1000)] | None = None
    tags: Annotated[list[Tag], Field(max_length=5), AfterValidator(_distinct)] | None = None
    nsfw: bool | None = None
    #: PeerTube's bits: 1 violent, 2 explicit sex
    nsfw_flags: Annotated[int, Field(ge=0, le=7)] | None = None
    nsfw_summary: Annotated[str, Field(max_length=250)] | None = None
    wait_transcoding: bool | None = None
    comments_policy: CommentsPolicy | None = None
    download_enabled: bool | None = None
    originally_published_at: Moment | None = None
    video_passwords: Annotated[list[Password], Field(max_length=100)] | None = None


class VideoUpdateForm(VideoUpdate):
    """A change with pictures, as PeerTube's clients send it (multipart)."""

    thumbnailfile: UploadedFile | None = None
    previewfile: UploadedFile | None = None


class VideoCreate(VideoUpdate):
    """What is said about a new video. The channel is an argument of its own."""

    name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=NAME_LENGTH[0], max_length=NAME_LENGTH[1]
        ),
    ]


Number = Annotated[int, Field(ge=0, le=2**31 - 1)]
Word = Annotated[str, StringConstraints(max_length=200)]
Numbers = Annotated[list[Number], Field(max_length=50)]
Words = Annotated[list[Word], Field(max_length=50)]


class VideoListQuery(ListQuery):
    """PeerTube's parameters of every list of videos."""

    search: Word | None = None
    #: true: only sensitive videos, false: none, both: without regard to it
    nsfw: Literal["true", "false", "both"] | None = None
    nsfw_flags_included: Number = 0
    nsfw_flags_excluded: Number = 0
    is_live: bool | None = None
    is_local: bool | None = None
    category_one_of: Numbers | None = None
    licence_one_of: Numbers | None = None
    language_one_of: Words | None = None
    tags_one_of: Words | None = None
    tags_all_of: Words | None = None
    channel_name_one_of: Words | None = None
    privacy_one_of: Annotated[list[Privacy], Field(max_length=10)] | None = None
    #: PeerTube's bits; 1 asks for videos that are not published too
    include: Number = 0
    has_hls_files: Annotated[bool | None, Field(alias="hasHLSFiles")] = None
    has_web_video_files: bool | None = None
    host: Word | None = None
    #: leave the total out
    skip_count: bool = False


class VideoSearchQuery(VideoListQuery):
    """PeerTube's parameters of a search for videos."""

    uuids: Annotated[list[Identifier], Field(max_length=100)] | None = None
    start_date: Moment | None = None
    end_date: Moment | None = None
    originally_published_start_date: Moment | None = None
    originally_published_end_date: Moment | None = None
    #: seconds
    duration_min: Number | None = None
    duration_max: Number | None = None


class UserViewingVideo(Schema):
    """How far somebody has got (seconds); PeerTube's clients tell every few seconds."""

    current_time: Annotated[float, Field(ge=0, le=10_000_000)]


class NewPassword(Schema):
    """A password to add."""

    password: Password


class Passwords(Schema):
    """Passwords that replace the earlier ones."""

    passwords: Annotated[list[Password], Field(min_length=1, max_length=100)]
