"""What the forms of these pages take: as REST does, but as browsers send it.

A checkbox that is off sends nothing, an empty control sends an empty text, tags stand in one line.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from app.core.api import BigInt, Schema
from app.uploads.schemas import WholeUpload
from app.videos.schemas import NAME_LENGTH, VideoUpdateForm


def _lines(value: object) -> object:
    """Texts of several controls, each with several lines or parts, as one list without blanks."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return value
    parts = [part.strip() for text in texts for part in text.replace(",", "\n").splitlines()]
    return [part for part in parts if part] or None


def _whole_lines(value: object) -> object:
    """The same for passwords, which may contain commas and spaces."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return value
    return [line for text in texts for line in text.splitlines() if line] or None


#: As in VideoUpdate, whose rules hold for them afterwards.
Tags = Annotated[
    list[Annotated[str, StringConstraints(min_length=2, max_length=30)]] | None,
    Field(max_length=5),
    BeforeValidator(_lines),
]
Passwords = Annotated[
    list[Annotated[str, StringConstraints(min_length=2, max_length=255)]] | None,
    Field(max_length=100),
    BeforeValidator(_whole_lines),
]


class UploadForm(WholeUpload):
    """The form on /upload."""

    tags: Tags = None
    video_passwords: Passwords = None


class EditForm(VideoUpdateForm):
    """The form of one of your videos: what it does not send is off or empty."""

    name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=NAME_LENGTH[0], max_length=NAME_LENGTH[1]
        ),
    ]
    tags: Tags = None
    video_passwords: Passwords = None

    @model_validator(mode="before")
    @classmethod
    def _switches(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        off = {"nsfw": False, "downloadEnabled": False, "tags": None}
        return off | dict(values)


class BulkAction(StrEnum):
    """What can be done to several videos at once."""

    DELETE = "delete"
    PRIVACY = "privacy"


class BulkForm(Schema):
    """Several videos, and what to do to them."""

    videos: Annotated[list[BigInt], Field(max_length=100)] | None = None
    action: BulkAction
    privacy: Annotated[int, Field(ge=1, le=4)] | None = None
    #: deleting asks once more
    sure: bool = False
