"""Channels: what videos are published in and people subscribe to."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.accounts.models import Account


class Channel(Model):
    """A channel of an account. A remote one has a host."""

    id = fields.BigIntField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", related_name="channels", on_delete=fields.CASCADE, db_index=True
    )
    account_id: int
    #: the handle, shared with accounts in one name space per host
    name = fields.CharField(max_length=50)
    host: str | None = fields.CharField(max_length=253, null=True)  # type: ignore[assignment]
    display_name = fields.CharField(max_length=120)
    description: str | None = fields.TextField(null=True)
    support: str | None = fields.TextField(null=True)
    #: [{"width": 120, "height": 120, "filename": "…"}, …], smallest first
    avatars: list[dict[str, Any]] = fields.JSONField(default=list)
    banners: list[dict[str, Any]] = fields.JSONField(default=list)
    followers_count = fields.IntField(default=0)
    following_count = fields.IntField(default=0)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "channel"
