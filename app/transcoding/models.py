"""The plan by which a video is being transcoded, its chunks of pictures and its sound tracks."""

import secrets
from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.videos.models import Video


def new_token() -> str:
    """What makes the names of a plan's files unique in the world, and not to be guessed."""
    return secrets.token_hex(6)


class PieceState(StrEnum):
    """Where a chunk or a sound track is."""

    WAITING = "waiting"
    ENCODED = "encoded"


class Transcoding(Model):
    """How one video is turned into its renditions: decided once from the probe, then followed."""

    id = fields.BigIntField(primary_key=True)
    video: fields.OneToOneRelation[Video] = fields.OneToOneField(
        "models.Video", related_name="transcoding", on_delete=fields.CASCADE
    )
    video_id: int
    #: app.media.plan.Plan as JSON
    plan: dict[str, Any] = fields.JSONField()
    token = fields.CharField(max_length=20, default=new_token)
    #: key of the file that pictures and sound are taken from: the source, or its normalised copy
    input_key = fields.CharField(max_length=300)
    #: key of the picture that is shown while a sound-only file plays
    still_key: str | None = fields.CharField(max_length=300, null=True)  # type: ignore[assignment]
    #: the source's own pictures where they play as they are: {"filename": …, "index": Rendition}
    copied: dict[str, Any] | None = fields.JSONField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    #: when everything was in place
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "transcoding"


class Chunk(Model):
    """A run of frames that one job encodes into every rung of the ladder."""

    id = fields.BigIntField(primary_key=True)
    transcoding: fields.ForeignKeyRelation[Transcoding] = fields.ForeignKeyField(
        "models.Transcoding", related_name="chunks", on_delete=fields.CASCADE
    )
    transcoding_id: int
    number = fields.IntField()
    frames = fields.IntField()
    state = fields.CharEnumField(PieceState, default=PieceState.WAITING, max_length=8)
    #: by the rung's name: {"filename": …, "index": app.media.package.Rendition}, in `hls/<uuid>/`;
    #: of the first chunk some may be here, and play, while it waits for the others
    files: dict[str, Any] = fields.JSONField(default=dict)

    class Meta:
        table = "transcoding_chunk"
        unique_together = (("transcoding", "number"),)


class SoundTrack(Model):
    """A sound track, encoded whole; parts of it are published while it grows."""

    id = fields.BigIntField(primary_key=True)
    transcoding: fields.ForeignKeyRelation[Transcoding] = fields.ForeignKeyField(
        "models.Transcoding", related_name="sounds", on_delete=fields.CASCADE
    )
    transcoding_id: int
    number = fields.IntField()
    state = fields.CharEnumField(PieceState, default=PieceState.WAITING, max_length=8)
    #: what was published of it while it grew, in order: [{"filename": …, "index": …}, …]
    parts: list[Any] = fields.JSONField(default=list)
    #: the whole of it: {"filename": …, "index": …}
    file: dict[str, Any] | None = fields.JSONField(null=True)

    class Meta:
        table = "transcoding_sound"
        unique_together = (("transcoding", "number"),)
