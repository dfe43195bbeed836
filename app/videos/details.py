"""One video with everything, as PeerTube's clients read it: channel, account, files, playlists."""

import json

import msgspec

from app.accounts.schemas import Columns, account, site_url
from app.channels.schemas import channel_without_owner
from app.videos.files import streaming_playlists
from app.videos.summaries import Json, maybe_timestamp, video_fields
from app.videos.vocabulary import COMMENTS_POLICIES


def video_details_json(row: Columns) -> bytes:
    """PeerTube's `VideoDetails` of a row of `queries.get_video`, encoded."""
    return msgspec.json.encode(video_details(row))


def video_details(row: Columns) -> Json:
    """PeerTube's `VideoDetails`."""
    owner = account(row)
    policy = row["comments_policy"]
    return video_fields(row) | {
        "description": row["description"],
        "support": row["support"],
        "channel": channel_without_owner(row) | {"ownerAccount": owner},
        "account": owner,
        "tags": msgspec.Raw(row["tags"].encode()),
        "commentsPolicy": {"id": policy, "label": COMMENTS_POLICIES[policy]},
        "commentsEnabled": policy != 2,
        "downloadEnabled": row["download_enabled"],
        "inputFileUpdatedAt": maybe_timestamp(None),
        "trackerUrls": [],
        "files": [],
        "streamingPlaylists": streaming_playlists(row),
        "processingError": processing_error(row),
    }


def processing_error(row: Columns) -> Json | None:
    """Why the file could not be made into a video; an addition of ours to PeerTube's object."""
    return {"code": row["error_code"], "detail": row["error"]} if row["error_code"] else None


def storyboard_json(row: Columns) -> list[Json]:
    """PeerTube's list of storyboards of a video: one sprite, or none."""
    board = json.loads(row["storyboard"]) if row["storyboard"] else None
    if board is None:
        return []
    path = f"/lazy-static/storyboards/{board['filename']}"
    return [
        {
            "storyboardPath": path,
            "fileUrl": site_url() + path,
            "totalHeight": board["tile_height"] * board["rows"],
            "totalWidth": board["tile_width"] * board["columns"],
            "spriteHeight": board["tile_height"],
            "spriteWidth": board["tile_width"],
            "spriteDuration": board["interval"],
        }
    ]
