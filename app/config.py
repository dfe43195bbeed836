"""Every setting: its type, its default and one sentence.

Values come from the environment (`KINORA_STORAGE__BACKEND=s3`), else from the TOML file that
`KINORA_CONFIG` names, else from the defaults here. `kinora settings` prints each with where it came
from, and `docs/settings.md` lists them all (a test holds it to this file).
"""

import os
from enum import StrEnum
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


class SignupMode(StrEnum):
    """Who may make an account."""

    OPEN = "open"
    APPROVAL = "approval"
    CLOSED = "closed"


class StorageBackend(StrEnum):
    """Where files are kept."""

    FILESYSTEM = "filesystem"
    S3 = "s3"


class LogFormat(StrEnum):
    """How the log is written."""

    JSON = "json"
    TEXT = "text"


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Site(Section):
    """The site as people see it."""

    public_url: str = Field(
        "http://127.0.0.1:9000", description="The address under which people reach the site."
    )
    name: str = Field("Kinora", description="The site's name, in the header of each page.")
    description: str = Field(
        "Videos, shared.",
        description="One sentence about the site, for its front page.",
    )
    default_language: str = Field(
        "en", description="The language of pages for visitors whose browser asks for none we have."
    )


class Web(Section):
    """The web processes."""

    host: str = Field("127.0.0.1", description="The address that the web process listens on.")
    port: int = Field(9000, ge=0, le=65535, description="The port that the web process listens on.")
    trusted_proxies: list[str] = Field(
        ["127.0.0.0/8", "::1/128"],
        description="Networks whose X-Forwarded-For and X-Forwarded-Proto headers are believed.",
    )
    accel_redirect: bool = Field(
        False, description="Let nginx send the files (X-Accel-Redirect) instead of Python."
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="The port of /metrics; 0 takes any free one."
    )


class Database(Section):
    """PostgreSQL."""

    url: SecretStr = Field(
        SecretStr("postgres://kinora@/kinora?host=/run/postgresql"),
        description="The database, as a postgres:// URL; a socket folder goes into ?host=.",
    )
    pool_size: int = Field(10, ge=1, le=100, description="Connections that one process may hold.")


class Redis(Section):
    """Redis or Valkey."""

    url: SecretStr = Field(
        SecretStr("unix:///run/redis/redis.sock"),
        description="A redis://, rediss:// or unix:// URL. Losing its data loses nothing.",
    )


class Place(Section):
    """A place of files: a folder or a bucket."""

    backend: StorageBackend = Field(
        StorageBackend.FILESYSTEM, description="Where files are kept: `filesystem` or `s3`."
    )
    root: Path = Field(
        Path("var/storage"), description="The folder of the files (backend `filesystem`)."
    )
    s3_endpoint: str = Field(
        "",
        description="The object store's address (backend `s3`); several, with spaces between, "
        "are addresses of one store, tried in turn.",
    )
    s3_region: str = Field("us-east-1", description="The object store's region.")
    s3_bucket: str = Field("kinora", description="The bucket that holds the files.")
    s3_access_key: SecretStr = Field(SecretStr(""), description="The object store's access key.")
    s3_secret_key: SecretStr = Field(SecretStr(""), description="The object store's secret key.")
    s3_public_url: str = Field(
        "", description="Where browsers fetch public files from; empty signs each address instead."
    )
    s3_through_proxy: bool = Field(
        False,
        description="Let nginx fetch files from the store (X-Accel-Redirect): browsers need not "
        "reach it.",
    )


class Storage(Place):
    """Files: originals, renditions, pictures."""

    work: Path = Field(
        Path("var/work"),
        description="This host's scratch folder for uploads and encodes; best on the disk of root.",
    )


class OtherPlace(Place):
    """The other place of a site that moves."""

    active: bool = Field(False, description="Whether the site is moving from or to this place.")


class Signup(Section):
    """New accounts."""

    mode: SignupMode = Field(
        SignupMode.CLOSED,
        description="Who may sign up: `open`, `approval` (with a reason), `closed`.",
    )
    verify_email: bool = Field(
        False, description="Let nobody log in before the e-mail address is verified."
    )
    limit: int = Field(-1, ge=-1, description="No sign-ups beyond so many users; -1 is no limit.")


class Users(Section):
    """What a new user gets."""

    quota: int = Field(
        -1, ge=-1, description="Bytes of originals and renditions a user may keep; -1 is no limit."
    )
    quota_daily: int = Field(
        -1, ge=-1, description="Bytes a user may upload in 24 hours; -1 is no limit."
    )
    max_channels: int = Field(20, ge=1, description="Channels that one account may have.")


class Uploads(Section):
    """Uploads."""

    max_size: int = Field(
        50 * 1000**3, ge=1, description="The largest file, in bytes, that is accepted."
    )
    expire_hours: int = Field(
        24, ge=1, description="A resumable upload that stands still for so long is removed."
    )


class Transcoding(Section):
    """Renditions."""

    resolutions: list[int] = Field(
        [144, 240, 360, 480, 720, 1080, 1440, 2160],
        description="The ladder: short sides in lines; none exceeds the source.",
    )
    max_fps: int = Field(60, ge=1, le=120, description="Frames per second are capped here.")
    encoder: str = Field(
        "x264", description="The encoder profile of the ladder; see `kinora encoders`."
    )
    extra_codecs: list[str] = Field(
        [], description="Encoder profiles that are encoded besides, e.g. `svtav1`."
    )
    threads: int = Field(
        0, ge=0, description="Threads of one encoder; 0 shares the cores among the encodes at once."
    )
    keep_original: bool = Field(True, description="Keep the uploaded file after transcoding.")
    max_duration_hours: int = Field(24, ge=1, description="Longer files are refused.")
    max_pixels: int = Field(
        8192 * 4320, ge=1, description="Pictures with more pixels than this are refused."
    )
    grace_minutes: int = Field(
        60,
        ge=0,
        description="What played while a video was made is removed so long, and its length, later.",
    )


class Workers(Section):
    """The worker processes."""

    transcode_slots: int = Field(
        0,
        ge=0,
        description="Encodes at once on this host, one of them kept for what does not play yet; "
        "0 is one more than there are cores.",
    )
    default_slots: int = Field(4, ge=1, description="Other jobs at the same time in one worker.")
    lease_seconds: int = Field(
        30, ge=3, description="A worker that is silent for so long has lost its jobs to the others."
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="The port of a worker's /metrics; 0 takes any free one."
    )
    dispatcher_metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="The port of the dispatcher's /metrics; 0 takes any free one.",
    )


class Metrics(Section):
    """What the processes tell a monitoring system."""

    host: str = Field(
        "127.0.0.1",
        description="The address on which each process shows /metrics and /health; never a public "
        "one.",
    )


class Mail(Section):
    """Outgoing mail."""

    host: str = Field("", description="The SMTP server; empty sends no mail and says so.")
    port: int = Field(587, ge=1, le=65535, description="The SMTP server's port.")
    username: str = Field("", description="The SMTP user; empty for none.")
    password: SecretStr = Field(SecretStr(""), description="The SMTP password.")
    starttls: bool = Field(True, description="Ask the SMTP server for TLS before anything else.")
    sender: str = Field("", description="The From address; empty is noreply@ the site's host.")


class RateLimits(Section):
    """Requests that one address may make; each is `count/seconds`."""

    enabled: bool = Field(True, description="Whether requests are counted at all.")
    api: str = Field("50/10", description="Requests to the REST interface.")
    login: str = Field("15/300", description="Attempts to log in.")
    signup: str = Field("2/300", description="Accounts made.")
    mail: str = Field("3/300", description="Mails asked for: forgotten passwords, verifications.")


class Log(Section):
    """The log."""

    level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    format: LogFormat = Field(
        LogFormat.JSON, description="`json`, a line an event, or `text` for people."
    )


class Settings(BaseSettings):
    """All settings, frozen once read."""

    model_config = SettingsConfigDict(
        env_prefix="KINORA_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    site: Site = Field(default_factory=lambda: Site())
    web: Web = Field(default_factory=lambda: Web())
    database: Database = Field(default_factory=lambda: Database())
    redis: Redis = Field(default_factory=lambda: Redis())
    storage: Storage = Field(default_factory=lambda: Storage())
    storage_to: OtherPlace = Field(default_factory=lambda: OtherPlace())
    storage_from: OtherPlace = Field(default_factory=lambda: OtherPlace())
    signup: Signup = Field(default_factory=lambda: Signup())
    users: Users = Field(default_factory=lambda: Users())
    uploads: Uploads = Field(default_factory=lambda: Uploads())
    transcoding: Transcoding = Field(default_factory=lambda: Transcoding())
    workers: Workers = Field(default_factory=lambda: Workers())
    metrics: Metrics = Field(default_factory=lambda: Metrics())
    mail: Mail = Field(default_factory=lambda: Mail())
    rate_limits: RateLimits = Field(default_factory=lambda: RateLimits())
    log: Log = Field(default_factory=lambda: Log())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file over defaults."""
        sources = [init_settings, env_settings]
        if path := os.environ.get("KINORA_CONFIG"):
            sources.append(TomlConfigSettingsSource(settings_cls, Path(path)))
        return tuple(sources)


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
