"""Uploads that are under way, and for a while those that became a video."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.accounts.models import User
from app.core.ids import new_uuid


class Upload(Model):
    """A file that is arriving; what has arrived is in the uploads folder, named by the id.

    Where the complete file will lie is written here before it is moved, so that a crash in between
    leaves no file that nobody knows of.
    """

    id = fields.UUIDField(primary_key=True, default=new_uuid)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="uploads", on_delete=fields.CASCADE, db_index=True
    )
    user_id: int
    filename = fields.CharField(max_length=300)
    size = fields.BigIntField()
    #: the video's description as it was sent at first: {"channelId": 3, "video": VideoCreate}
    metadata: dict[str, Any] = fields.JSONField(default=dict)
    #: the uuid that the video will have
    video_uuid = fields.UUIDField(default=new_uuid)
    #: where the complete file will be in storage
    key = fields.CharField(max_length=300)
    #: the video that the complete file became, so that a repeated last chunk gets the same answer
    video_id: int | None = fields.BigIntField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    #: moved on with every chunk; an upload that stands still for long is removed
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "upload"
