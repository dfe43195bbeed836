"""The plan by which a video is being transcoded, and its chunks."""

from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.videos.models import Video


class ChunkState(StrEnum):
    """Where a chunk is."""

    WAITING = "waiting"
    ENCODED = "encoded"


class Transcoding(Model):
    """How one video is turned into its renditions: decided once from the probe, then followed."""

    id = fields.BigIntField(primary_key=True)
    video: fields.OneToOneRelation[Video] = fields.OneToOneField(
        "models.Video", related_name="transcoding", on_delete=fields.CASCADE
    )
    video_id: int
    #: app.media.ladder.Plan as JSON
    plan: dict[str, Any] = fields.JSONField()
    #: key of the file that the chunks are cut from: the source, or its normalised copy
    input_key = fields.CharField(max_length=300)
    created_at = fields.DatetimeField(auto_now_add=True)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "transcoding"


class Chunk(Model):
    """A run of frames that one job encodes into every rung of the ladder."""

    id = fields.BigIntField(primary_key=True)
    transcoding: fields.ForeignKeyRelation[Transcoding] = fields.ForeignKeyField(
        "models.Transcoding", related_name="chunks", on_delete=fields.CASCADE, db_index=True
    )
    transcoding_id: int
    number = fields.IntField()
    start_frame = fields.BigIntField()
    frames = fields.IntField()
    state = fields.CharEnumField(ChunkState, default=ChunkState.WAITING, max_length=8)
    #: {"1080": {"filename": "…", …}, …}: the chunk's file of each rung, in `hls/<uuid>/`
    files: dict[str, Any] = fields.JSONField(default=dict)

    class Meta:
        table = "transcoding_chunk"
        unique_together = (("transcoding", "number"),)
