"""What the site can do, by PeerTube's names: what clients need to log in, upload, list, play."""

from app import __version__
from app.config import SignupMode, settings
from app.core.api import Schema
from app.uploads.kinds import AUDIO, VIDEO
from app.videos.popularity import TRENDING_DAYS

#: PeerTube's API that this is; clients look for features by it. Ours stands behind the plus.
API_VERSION = f"8.0.1+kinora.{__version__}"
#: Bytes of an avatar or a thumbnail.
PICTURE_BYTES = 4 * 1024**2
PICTURE_EXTENSIONS = [".png", ".jpeg", ".jpg", ".webp"]
#: How often a player tells how far it has got, in milliseconds.
WATCHING_INTERVAL = 5000

Json = dict[str, object]


class SiteAbout(Schema):
    """What the site says about itself."""

    instance: dict[str, object]


class SiteStats(Schema):
    """The numbers of the site; sizes in bytes."""

    total_users: int
    total_videos: int
    total_local_videos: int
    total_local_video_views: int
    total_local_video_files_size: int
    total_local_video_channels: int


def _switched(*names: str, on: bool = False) -> Json:
    return {name: {"enabled": on} for name in names}


def site_config(*, signup_allowed: bool) -> Json:
    """PeerTube's `ServerConfig`."""
    site, users, mode = settings().site, settings().users, settings().signup.mode
    picture = {"extensions": PICTURE_EXTENSIONS, "size": {"max": PICTURE_BYTES}}
    return {
        "serverVersion": API_VERSION,
        "serverCommit": None,
        "instance": {
            "name": site.name,
            "shortDescription": site.description,
            "defaultClientRoute": "/",
            "isNSFW": False,
            "defaultNSFWPolicy": "do_not_list",
            "defaultLanguage": site.default_language,
            "customizations": {"javascript": "", "css": ""},
            "avatars": [],
            "banners": [],
        },
        "client": {"videos": {"miniature": {"preferAuthorDisplayName": False}}},
        "defaults": {
            "publish": {
                "commentsPolicy": 1,
                "downloadEnabled": True,
                "licence": None,
                "privacy": 1,
            },
            "p2p": {"webapp": {"enabled": False}, "embed": {"enabled": False}},
        },
        "search": {
            "remoteUri": {"users": False, "anonymous": False},
            "searchIndex": {"enabled": False},
        },
        "plugin": {"registered": [], "registeredExternalAuths": [], "registeredIdAndPassAuths": []},
        "theme": {"registered": [], "default": "default"},
        "email": {"enabled": bool(settings().mail.host)},
        "signup": {
            "allowed": signup_allowed,
            "allowedForCurrentIP": signup_allowed,
            "requiresApproval": mode is SignupMode.APPROVAL,
            "requiresEmailVerification": settings().signup.verify_email,
            "minimumAge": 0,
        },
        "transcoding": {
            "hls": {"enabled": True},
            "web_videos": {"enabled": False},
            "enabledResolutions": settings().transcoding.resolutions,
            "profile": "default",
            "availableProfiles": ["default"],
        },
        "live": {"enabled": False},
        **_switched(
            "contactForm", "tracker", "federation", "homepage", "videoStudio", "videoTranscription"
        ),
        "import": {
            "videos": _switched("http", "torrent"),
            **_switched("videoChannelSynchronization", "users"),
        },
        "export": _switched("users"),
        "autoBlacklist": {"videos": {"ofUsers": {"enabled": False}}},
        "avatar": {"file": {"size": {"max": PICTURE_BYTES}, "extensions": PICTURE_EXTENSIONS}},
        "banner": {"file": {"size": {"max": PICTURE_BYTES}, "extensions": PICTURE_EXTENSIONS}},
        "video": {
            "image": picture,
            "file": {"extensions": [f".{ending}" for ending in sorted(VIDEO | AUDIO)]},
        },
        "videoCaption": {"file": {"size": {"max": 0}, "extensions": []}},
        "user": {"videoQuota": users.quota, "videoQuotaDaily": users.quota_daily},
        "videoChannels": {"maxPerUser": users.max_channels},
        "trending": {
            "videos": {
                "intervalDays": TRENDING_DAYS,
                "algorithms": {
                    "enabled": ["hot", "most-viewed", "most-liked"],
                    "default": "most-viewed",
                },
            }
        },
        "openTelemetry": {"metrics": {"enabled": False, "playbackStatsInterval": 0}},
        "views": {
            "videos": {
                "watchingInterval": {"anonymous": WATCHING_INTERVAL, "users": WATCHING_INTERVAL}
            }
        },
    }


def site_about() -> SiteAbout:
    """PeerTube's `ServerConfigAbout`."""
    site = settings().site
    return SiteAbout(
        instance={
            "name": site.name,
            "shortDescription": site.description,
            "description": site.description,
            "terms": "",
            "codeOfConduct": "",
            "moderationInformation": "",
            "creationReason": "",
            "administrator": "",
            "maintenanceLifetime": "",
            "businessModel": "",
            "hardwareInformation": "",
            "languages": [site.default_language],
            "categories": [],
            "avatars": [],
            "banners": [],
        }
    )
