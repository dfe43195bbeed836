"""Logins as PeerTube's JSON."""

from pydantic import Field

from app.accounts.models import SessionKind
from app.accounts.schemas import Columns, timestamp
from app.core.api import Schema, Timestamp


class LocalClient(Schema):
    """What a client asks for before it logs in. OAuth2's own names, no camels."""

    client_id: str
    client_secret: str

    model_config = Schema.model_config | {"alias_generator": None}


class TokenForm(Schema):
    """A login, or a refresh of one. What is missing is told with OAuth2's codes."""

    client_id: str | None = None
    client_secret: str | None = None
    grant_type: str | None = None
    username: str | None = None
    password: str | None = None
    refresh_token: str | None = None

    model_config = Schema.model_config | {"alias_generator": None}


class Tokens(Schema):
    """The tokens of a session, in OAuth2's names; lifetimes are seconds."""

    token_type: str
    access_token: str
    refresh_token: str
    expires_in: int
    refresh_token_expires_in: int

    model_config = Schema.model_config | {"alias_generator": None}


class TokenSession(Schema):
    """A login of a user, from one device."""

    id: int
    kind: SessionKind
    current_session: bool
    login_device: str
    login_ip: str = Field(alias="loginIP")
    login_date: Timestamp
    last_activity_device: str
    last_activity_ip: str = Field(alias="lastActivityIP")
    last_activity_date: Timestamp
    created_at: Timestamp


class Revoked(Schema):
    """PeerTube's answer to a logout."""

    redirect_url: str | None = None


class CurrentPassword(Schema):
    """Proof that it is the user who asks."""

    current_password: str | None = None


class TwoFactorConfirmation(Schema):
    """The end of turning the second factor on."""

    request_token: str
    otp_token: str


class OtpRequest(Schema):
    """What an authenticator app needs."""

    request_token: str
    secret: str
    uri: str


class TwoFactorRequest(Schema):
    """PeerTube's envelope around it."""

    otp_request: OtpRequest


def token_session(row: Columns, *, current: int | None) -> dict[str, object]:
    """A `TokenSession`; `current` is the session of the asker."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "currentSession": row["id"] == current,
        "loginDevice": row["login_device"],
        "loginIP": row["login_ip"],
        "loginDate": timestamp(row["login_at"]),
        "lastActivityDevice": row["last_device"],
        "lastActivityIP": row["last_ip"],
        "lastActivityDate": timestamp(row["last_seen_at"]),
        "createdAt": timestamp(row["login_at"]),
    }
