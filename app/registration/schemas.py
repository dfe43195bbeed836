"""Signing up, as PeerTube's JSON."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints, model_validator

from app.accounts.models import RegistrationState
from app.accounts.names import ChannelName, DisplayName, Email, Password, Username
from app.accounts.schemas import Columns, timestamp
from app.core.api import ListQuery, Schema, Timestamp
from app.users.schemas import Identified

STATE_LABELS: Final = {
    RegistrationState.PENDING: "Pending",
    RegistrationState.REJECTED: "Rejected",
    RegistrationState.ACCEPTED: "Accepted",
}

#: lengths are PeerTube's
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=3000)]


class FirstChannel(Schema):
    """The channel that somebody wants to begin with."""

    name: ChannelName
    display_name: DisplayName


class Register(Schema):
    """Somebody who signs up."""

    username: Username
    password: Password
    email: Email
    display_name: DisplayName | None = None
    channel: FirstChannel | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> "Register":
        if self.channel and self.channel.name.lower() == self.username:
            message = "The channel's name must not be the username."
            raise ValueError(message)
        return self


class RegistrationRequest(Register):
    """Somebody who asks to sign up, where each request is looked at."""

    registration_reason: Reason


class StateLabel(Schema):
    """Where a request is, and the English name of that."""

    id: RegistrationState
    label: str


class Registration(Schema):
    """A request to sign up."""

    id: int
    state: StateLabel
    registration_reason: str
    moderation_response: str | None
    username: str
    email: str
    email_verified: bool | None
    account_display_name: str | None
    channel_handle: str | None
    channel_display_name: str | None
    user: Identified | None
    created_at: Timestamp
    updated_at: Timestamp


class Review(Schema):
    """What is decided about a request, with words for the one who asked."""

    moderation_response: Reason
    prevent_email_delivery: bool = False


class RegistrationListQuery(ListQuery):
    """Which requests are listed."""

    search: Annotated[str, Field(max_length=100)] | None = None
    state_one_of: list[RegistrationState] = Field(default_factory=list)


def registration(row: Columns) -> dict[str, object]:
    """A `Registration` from its row."""
    state = RegistrationState(row["state"])
    return {
        "id": row["id"],
        "state": {"id": int(state), "label": STATE_LABELS[state]},
        "registrationReason": row["reason"],
        "moderationResponse": row["moderation_response"],
        "username": row["username"],
        "email": row["email"],
        "emailVerified": row["email_verified"],
        "accountDisplayName": row["account_display_name"],
        "channelHandle": row["channel_name"],
        "channelDisplayName": row["channel_display_name"],
        "user": {"id": row["user_id"]} if row["user_id"] else None,
        "createdAt": timestamp(row["created_at"]),
        "updatedAt": timestamp(row["updated_at"]),
    }
