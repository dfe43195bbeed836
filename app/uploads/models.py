"""Resumable uploads that are under way."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.accounts.models import User
from app.core.ids import new_uuid


class Upload(Model):
    """A file that is arriving; what has arrived is in the uploads folder, named by the id."""

    id = fields.UUIDField(primary_key=True, default=new_uuid)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="uploads", on_delete=fields.CASCADE, db_index=True
    )
    user_id: int
    filename = fields.CharField(max_length=300)
    size = fields.BigIntField()
    #: the video's description as it was sent with the first request (app.uploads.schemas)
    metadata: dict[str, Any] = fields.JSONField(default=dict)
    #: the video that the complete file became, so that a repeated last chunk gets the same answer
    video_id: int | None = fields.BigIntField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    #: moved on with every chunk; an upload that stands still for long is removed
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "upload"
