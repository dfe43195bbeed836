"""Every table, generated from the models by bin/migrations."""

from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from app.accounts.models import RegistrationState, SessionKind, TokenPurpose
from app.core.auth import Role
from app.core.ids import new_uuid
from app.core.models import JobState
from app.transcoding.models import PieceState, new_token
from app.videos.models import CommentsPolicy, Privacy, VideoState, new_file_secret
from json import dumps, loads
from tortoise.fields.base import OnDelete
from tortoise import fields


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Job",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                ("kind", fields.CharField(max_length=80)),
                ("lane", fields.CharField(max_length=20)),
                (
                    "payload",
                    fields.JSONField(
                        default=dict,
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                ("priority", fields.SmallIntField(default=0, description="higher runs first")),
                (
                    "owner_id",
                    fields.BigIntField(
                        null=True,
                        description="whose share of the workers this takes (a user's id); None is the site itself",
                    ),
                ),
                (
                    "owner_slots",
                    fields.SmallIntField(
                        null=True,
                        description="while it is owned: how many slots of the lane its owner's jobs may hold for it to start",
                    ),
                ),
                (
                    "state",
                    fields.CharEnumField(
                        default=JobState.QUEUED,
                        description="QUEUED: queued\nRUNNING: running\nDONE: done\nDEAD: dead\nCANCELLED: cancelled",
                        enum_type=JobState,
                        max_length=10,
                    ),
                ),
                ("attempt", fields.SmallIntField(default=0)),
                ("max_attempts", fields.SmallIntField(default=5)),
                ("run_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("sent_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "lease_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("worker", fields.CharField(null=True, max_length=120)),
                ("progress", fields.FloatField(default=0, description="0 to 1")),
                ("error", fields.TextField(null=True, unique=False)),
                ("unique_key", fields.CharField(null=True, max_length=200)),
                (
                    "subject",
                    fields.CharField(
                        null=True,
                        description="what it is about, e.g. `video:12`, so that a video's page can show its jobs",
                        max_length=80,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("started_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "finished_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "job",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Work that is owed. The row is the truth; Redis only carries its id to a worker.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OAuthClient",
            fields=[
                (
                    "id",
                    fields.IntField(generated=True, primary_key=True, unique=True, db_index=True),
                ),
                ("client_id", fields.CharField(unique=True, max_length=64)),
                ("client_secret", fields.CharField(max_length=64)),
            ],
            options={
                "table": "oauth_client",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The one client id and secret that PeerTube's clients ask for before they log in.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Tick",
            fields=[
                (
                    "name",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=80),
                ),
                ("due_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "tick",
                "app": "models",
                "pk_attr": "name",
                "table_description": "The last time that an entry of the timetable was due and turned into a job.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("username", fields.CharField(max_length=50)),
                ("email", fields.CharField(max_length=400)),
                ("pending_email", fields.CharField(null=True, max_length=400)),
                (
                    "email_verified",
                    fields.BooleanField(
                        null=True, description="None where the site does not ask for verification"
                    ),
                ),
                ("password_hash", fields.CharField(max_length=200)),
                (
                    "role",
                    fields.IntEnumField(
                        default=Role.USER,
                        description="ADMINISTRATOR: 0\nMODERATOR: 1\nUSER: 2",
                        enum_type=Role,
                        generated=False,
                    ),
                ),
                ("blocked", fields.BooleanField(default=False)),
                ("blocked_reason", fields.CharField(null=True, max_length=250)),
                (
                    "admin_flags",
                    fields.SmallIntField(
                        default=0,
                        description='PeerTube\'s bits: 1 is "its videos pass the review of new videos"',
                    ),
                ),
                ("video_quota", fields.BigIntField(default=-1)),
                ("video_quota_daily", fields.BigIntField(default=-1)),
                ("otp_secret", fields.CharField(null=True, max_length=64)),
                (
                    "otp_step",
                    fields.BigIntField(
                        null=True,
                        description="the time step of the last accepted one-time password, so that none is good twice",
                    ),
                ),
                (
                    "preferences",
                    fields.JSONField(
                        default=dict,
                        description="display choices under PeerTube's names (nsfwPolicy, autoPlayVideo, videoLanguages, theme …)",
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                (
                    "last_login_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={
                "table": "user",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Somebody who can log in here. Sizes are bytes, -1 means without limit.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Account",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.OneToOneField(
                        "models.User",
                        source_field="user_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="account",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "name",
                    fields.CharField(
                        description="the handle, shared with channels in one name space per host",
                        max_length=50,
                    ),
                ),
                ("host", fields.CharField(null=True, max_length=253)),
                ("display_name", fields.CharField(max_length=120)),
                ("description", fields.TextField(null=True, unique=False)),
                (
                    "avatars",
                    fields.JSONField(
                        default=list,
                        description='[{"width": 120, "height": 120, "filename": "…"}, …], smallest first',
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                ("followers_count", fields.IntField(default=0)),
                ("following_count", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={
                "table": "account",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The public face of a user. A remote account has a host and no user.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Channel",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="channels",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "name",
                    fields.CharField(
                        description="the handle, shared with accounts in one name space per host",
                        max_length=50,
                    ),
                ),
                ("host", fields.CharField(null=True, max_length=253)),
                ("display_name", fields.CharField(max_length=120)),
                ("description", fields.TextField(null=True, unique=False)),
                ("support", fields.TextField(null=True, unique=False)),
                (
                    "avatars",
                    fields.JSONField(
                        default=list,
                        description='[{"width": 120, "height": 120, "filename": "…"}, …], smallest first',
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                (
                    "banners",
                    fields.JSONField(
                        default=list,
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                ("followers_count", fields.IntField(default=0)),
                ("following_count", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={
                "table": "channel",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A channel of an account. A remote one has a host.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Registration",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "state",
                    fields.IntEnumField(
                        default=RegistrationState.PENDING,
                        description="PENDING: 1\nREJECTED: 2\nACCEPTED: 3",
                        enum_type=RegistrationState,
                        generated=False,
                    ),
                ),
                ("username", fields.CharField(max_length=50)),
                ("email", fields.CharField(max_length=400)),
                ("email_verified", fields.BooleanField(null=True)),
                ("password_hash", fields.CharField(max_length=200)),
                ("account_display_name", fields.CharField(null=True, max_length=120)),
                ("channel_name", fields.CharField(null=True, max_length=50)),
                ("channel_display_name", fields.CharField(null=True, max_length=120)),
                ("reason", fields.TextField(unique=False)),
                ("moderation_response", fields.TextField(null=True, unique=False)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="registrations",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={
                "table": "registration",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A request to sign up, where the administrators approve each.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OneTimeToken",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "purpose",
                    fields.CharEnumField(
                        description="VERIFY_EMAIL: verify-email\nRESET_PASSWORD: reset-password\nTWO_FACTOR_REQUEST: two-factor-request\nTWO_FACTOR_LOGIN: two-factor-login",
                        enum_type=TokenPurpose,
                        max_length=20,
                    ),
                ),
                ("token_hash", fields.BinaryField()),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="tokens",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "registration",
                    fields.ForeignKeyField(
                        "models.Registration",
                        source_field="registration_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="tokens",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "payload",
                    fields.JSONField(
                        default=dict,
                        description="e.g. the e-mail address to verify, the secret of the second factor",
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "one_time_token",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A token that works once and not for long. Only its SHA-256 is kept.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="sessions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "kind",
                    fields.CharEnumField(
                        description="COOKIE: cookie\nBEARER: bearer",
                        enum_type=SessionKind,
                        max_length=6,
                    ),
                ),
                ("access_hash", fields.BinaryField()),
                ("access_expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("refresh_hash", fields.BinaryField(null=True)),
                (
                    "refresh_expires_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("login_device", fields.CharField(max_length=300)),
                ("login_ip", fields.CharField(max_length=45)),
                ("login_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("last_device", fields.CharField(max_length=300)),
                ("last_ip", fields.CharField(max_length=45)),
                ("last_seen_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "session",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A login. Only the SHA-256 of each token is kept.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Upload",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="uploads",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("filename", fields.CharField(max_length=300)),
                ("size", fields.BigIntField()),
                (
                    "metadata",
                    fields.JSONField(
                        default=dict,
                        description='the video\'s description as it was sent at first: {"channelId": 3, "video": VideoCreate}',
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                (
                    "video_uuid",
                    fields.UUIDField(
                        default=new_uuid, description="the uuid that the video will have"
                    ),
                ),
                (
                    "key",
                    fields.CharField(
                        description="where the complete file will be in storage", max_length=300
                    ),
                ),
                (
                    "video_id",
                    fields.BigIntField(
                        null=True,
                        description="the video that the complete file became, so that a repeated last chunk gets the same answer",
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                (
                    "updated_at",
                    fields.DatetimeField(
                        description="moved on with every chunk; an upload that stands still for long is removed",
                        auto_now=True,
                        auto_now_add=False,
                    ),
                ),
            ],
            options={
                "table": "upload",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A file that is arriving; what has arrived is in the uploads folder, named by the id.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Video",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("uuid", fields.UUIDField(default=new_uuid, unique=True)),
                (
                    "channel",
                    fields.ForeignKeyField(
                        "models.Channel",
                        source_field="channel_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="videos",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=120)),
                ("description", fields.TextField(null=True, unique=False)),
                ("support", fields.TextField(null=True, unique=False)),
                ("category", fields.SmallIntField(null=True)),
                ("licence", fields.SmallIntField(null=True)),
                ("language", fields.CharField(null=True, max_length=20)),
                (
                    "tags",
                    fields.JSONField(
                        default=list,
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                (
                    "privacy",
                    fields.IntEnumField(
                        default=Privacy.PUBLIC,
                        description="PUBLIC: 1\nUNLISTED: 2\nPRIVATE: 3\nINTERNAL: 4\nPASSWORD_PROTECTED: 5",
                        enum_type=Privacy,
                        generated=False,
                    ),
                ),
                (
                    "state",
                    fields.IntEnumField(
                        default=VideoState.TO_TRANSCODE,
                        description="PUBLISHED: 1\nTO_TRANSCODE: 2\nTRANSCODING_FAILED: 7",
                        enum_type=VideoState,
                        generated=False,
                    ),
                ),
                ("nsfw", fields.BooleanField(default=False)),
                ("nsfw_flags", fields.SmallIntField(default=0)),
                ("nsfw_summary", fields.TextField(null=True, unique=False)),
                (
                    "wait_transcoding",
                    fields.BooleanField(
                        default=False,
                        description="PeerTube's wish to publish only when everything is transcoded; else with the first rendition",
                    ),
                ),
                (
                    "comments_policy",
                    fields.IntEnumField(
                        default=CommentsPolicy.ENABLED,
                        description="ENABLED: 1\nDISABLED: 2\nREQUIRES_APPROVAL: 3",
                        enum_type=CommentsPolicy,
                        generated=False,
                    ),
                ),
                ("download_enabled", fields.BooleanField(default=True)),
                ("duration", fields.FloatField(default=0, description="seconds")),
                (
                    "aspect_ratio",
                    fields.FloatField(null=True, description="width / height as shown"),
                ),
                ("views", fields.BigIntField(default=0)),
                ("likes", fields.IntField(default=0)),
                ("dislikes", fields.IntField(default=0)),
                ("comments_count", fields.IntField(default=0)),
                (
                    "trending_score",
                    fields.FloatField(
                        default=0,
                        description="how it ranks among what is watched these days, and among what is new and liked",
                    ),
                ),
                ("hot_score", fields.FloatField(default=0)),
                ("file_secret", fields.BinaryField(default=new_file_secret)),
                (
                    "thumbnails",
                    fields.JSONField(
                        default=list,
                        description='[{"width": 280, "height": 157, "filename": "…"}, …], smallest first',
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                (
                    "storyboard",
                    fields.JSONField(
                        null=True,
                        description='{"filename": "…", "tile_width": 192, "tile_height": 108, "columns": 11, "rows": 3,',
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                (
                    "playlist",
                    fields.JSONField(
                        null=True,
                        description='what can be played now: {"master": "…m3u8", "dash": "…mpd" | null, "complete": bool};',
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                (
                    "error",
                    fields.TextField(
                        null=True,
                        description="why processing failed, a sentence for the uploader, and its code",
                        unique=False,
                    ),
                ),
                ("error_code", fields.CharField(null=True, max_length=60)),
                (
                    "published_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                (
                    "originally_published_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={
                "table": "video",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A video from the moment its upload was accepted.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Rendition",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "video",
                    fields.ForeignKeyField(
                        "models.Video",
                        source_field="video_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="renditions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "resolution",
                    fields.SmallIntField(
                        description="PeerTube's resolution id: the short side in lines, 0 for sound alone"
                    ),
                ),
                ("width", fields.SmallIntField(default=0)),
                ("height", fields.SmallIntField(default=0)),
                ("fps", fields.FloatField(default=0)),
                (
                    "codecs",
                    fields.CharField(description="RFC 6381, e.g. `avc1.64001f`", max_length=80),
                ),
                (
                    "language",
                    fields.CharField(
                        null=True,
                        description="language of a sound rendition (BCP 47)",
                        max_length=20,
                    ),
                ),
                (
                    "bandwidth",
                    fields.IntField(
                        description="bits per second, the peak over a segment and the mean"
                    ),
                ),
                ("average_bandwidth", fields.IntField()),
                (
                    "filename",
                    fields.CharField(
                        description="in `hls/<uuid>/`; globally unique", max_length=120
                    ),
                ),
                ("playlist_filename", fields.CharField(max_length=120)),
                ("size", fields.BigIntField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "rendition",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One stored media file of a video: one height, or the sound that all heights share.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Transcoding",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "video",
                    fields.OneToOneField(
                        "models.Video",
                        source_field="video_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="transcoding",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "plan",
                    fields.JSONField(
                        description="app.media.plan.Plan as JSON",
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                ("token", fields.CharField(default=new_token, max_length=20)),
                (
                    "input_key",
                    fields.CharField(
                        description="key of the file that pictures and sound are taken from: the source, or its normalised copy",
                        max_length=300,
                    ),
                ),
                (
                    "still_key",
                    fields.CharField(
                        null=True,
                        description="key of the picture that is shown while a sound-only file plays",
                        max_length=300,
                    ),
                ),
                (
                    "copied",
                    fields.JSONField(
                        null=True,
                        description='the source\'s own pictures where they play as they are: {"filename": …, "index": Rendition}',
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                (
                    "finished_at",
                    fields.DatetimeField(
                        null=True,
                        description="when everything was in place",
                        auto_now=False,
                        auto_now_add=False,
                    ),
                ),
            ],
            options={
                "table": "transcoding",
                "app": "models",
                "pk_attr": "id",
                "table_description": "How one video is turned into its renditions: decided once from the probe, then followed.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Chunk",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "transcoding",
                    fields.ForeignKeyField(
                        "models.Transcoding",
                        source_field="transcoding_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="chunks",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("number", fields.IntField()),
                ("frames", fields.IntField()),
                (
                    "state",
                    fields.CharEnumField(
                        default=PieceState.WAITING,
                        description="WAITING: waiting\nENCODED: encoded",
                        enum_type=PieceState,
                        max_length=8,
                    ),
                ),
                (
                    "files",
                    fields.JSONField(
                        default=dict,
                        description='by the rung\'s name: {"filename": …, "index": app.media.package.Rendition}, in `hls/<uuid>/`;',
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
            ],
            options={
                "table": "transcoding_chunk",
                "app": "models",
                "unique_together": (("transcoding", "number"),),
                "pk_attr": "id",
                "table_description": "A run of frames that one job encodes into every rung of the ladder.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SoundTrack",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "transcoding",
                    fields.ForeignKeyField(
                        "models.Transcoding",
                        source_field="transcoding_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="sounds",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("number", fields.IntField()),
                (
                    "state",
                    fields.CharEnumField(
                        default=PieceState.WAITING,
                        description="WAITING: waiting\nENCODED: encoded",
                        enum_type=PieceState,
                        max_length=8,
                    ),
                ),
                (
                    "parts",
                    fields.JSONField(
                        default=list,
                        description='what was published of it while it grew, in order: [{"filename": …, "index": …}, …]',
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                (
                    "file",
                    fields.JSONField(
                        null=True,
                        description='the whole of it: {"filename": …, "index": …}',
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
            ],
            options={
                "table": "transcoding_sound",
                "app": "models",
                "unique_together": (("transcoding", "number"),),
                "pk_attr": "id",
                "table_description": "A sound track, encoded whole; parts of it are published while it grows.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="VideoPassword",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "video",
                    fields.ForeignKeyField(
                        "models.Video",
                        source_field="video_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="passwords",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("password", fields.CharField(max_length=255)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={
                "table": "video_password",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A password that opens a password-protected video; kept readable, its owner sees it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="VideoSource",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "video",
                    fields.OneToOneField(
                        "models.Video",
                        source_field="video_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="source",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "filename",
                    fields.CharField(
                        description="the name it had on the uploader's machine", max_length=300
                    ),
                ),
                ("key", fields.CharField(description="where it is in storage", max_length=300)),
                ("size", fields.BigIntField()),
                (
                    "probe",
                    fields.JSONField(
                        null=True,
                        description="what probing it told (app.media.probe)",
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "video_source",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The file as it was uploaded.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="VideoViewDay",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "video",
                    fields.ForeignKeyField(
                        "models.Video",
                        source_field="video_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="view_days",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("day", fields.DateField()),
                ("views", fields.BigIntField(default=0)),
            ],
            options={
                "table": "video_view_day",
                "app": "models",
                "unique_together": (("video", "day"),),
                "pk_attr": "id",
                "table_description": "How often a video was watched on one day (UTC).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Worker",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=120),
                ),
                ("lane", fields.CharField(max_length=20)),
                ("slots", fields.SmallIntField()),
                (
                    "encoders",
                    fields.JSONField(
                        default=dict,
                        description="encoder profiles that work on its host, and why the others do not",
                        encoder=functools.partial(dumps, separators=(",", ":")),
                        decoder=loads,
                    ),
                ),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("seen_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "worker",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A worker process that is alive, for as long as it says so.",
            },
            bases=["Model"],
        ),
    ]
