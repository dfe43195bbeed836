"""The media files of a video as PeerTube's JSON: what can be played, what it was made from."""

import json
from typing import Any

from app.accounts.schemas import Columns, site_url
from app.core.errors import NotFoundError
from app.media import records
from app.media.probe import Probe
from app.videos.answers import NumberedLabel
from app.videos.answers import VideoSource as SourceDescription
from app.videos.downloads import file_path, renditions
from app.videos.models import VideoSource

#: PeerTube's number for HLS among streaming playlists.
HLS = 1
#: PeerTube's number for files on its own disk; ours are served by the site wherever they are kept.
ON_FILE_SYSTEM = 0


Json = dict[str, object]


def streaming_playlists(row: Columns) -> list[Json]:
    """The HLS playlist of a video with its files, an empty list before there is one."""
    playlist = json.loads(row["playlist"]) if row["playlist"] else None
    if playlist is None:
        return []
    site, hashes = site_url(), playlist.get("sha256")
    folder = f"{site}/static/streaming-playlists/hls/{row['uuid']}/"
    metadata = f"{site}/api/v1/videos/{row['id']}/metadata/"
    return [
        {
            "id": row["id"],
            "type": HLS,
            "playlistUrl": folder + playlist["master"],
            "segmentsSha256Url": folder + hashes if hashes else None,
            "redundancies": [],
            "files": [media_file(rendition, folder, metadata) for rendition in renditions(row)],
        }
    ]


def media_file(rendition: dict[str, Any], folder: str, metadata: str) -> Json:
    """PeerTube's `VideoFile` of a rendition (a row of that table as JSON).

    `folder` and `metadata` are what the addresses of files and of their metadata begin with.
    """
    resolution, url = rendition["resolution"], folder + rendition["filename"]
    return {
        "id": rendition["id"],
        "resolution": {"id": resolution, "label": resolution_label(resolution)},
        "width": rendition["width"],
        "height": rendition["height"],
        "size": rendition["size"],
        "fps": rendition["fps"],
        "fileUrl": url,
        "fileDownloadUrl": site_url() + file_path(rendition["filename"]),
        "playlistUrl": folder + rendition["playlist_filename"],
        "metadataUrl": f"{metadata}{rendition['id']}",
        "hasAudio": resolution == 0 or "," in rendition["codecs"],
        "hasVideo": resolution != 0,
        "storage": ON_FILE_SYSTEM,
        "torrentUrl": None,
        "torrentDownloadUrl": None,
        "magnetUri": None,
    }


def resolution_label(resolution: int) -> str:
    """`1080p`; PeerTube's word for sound alone."""
    return f"{resolution}p" if resolution else "Audio only"


def media_metadata(row: Columns, rendition_id: int) -> Json:
    """What ffprobe would tell of a rendition of a video. Raises NotFoundError."""
    for rendition in renditions(row):
        if rendition["id"] == rendition_id:
            return {
                "format": {
                    "filename": rendition["filename"],
                    "format_name": "mov,mp4,m4a,3gp,3g2,mj2",
                    "size": rendition["size"],
                    "bit_rate": rendition["average_bandwidth"],
                },
                "streams": _streams(rendition),
                "chapters": [],
            }
    raise NotFoundError("There is no such file of this video.")


def _streams(rendition: dict[str, Any]) -> list[Json]:
    if rendition["resolution"] == 0:
        return [{"index": 0, "codec_type": "audio", "codec_tag_string": rendition["codecs"]}]
    return [
        {
            "index": 0,
            "codec_type": "video",
            "codec_tag_string": rendition["codecs"],
            "width": rendition["width"],
            "height": rendition["height"],
            "avg_frame_rate": str(rendition["fps"]),
        }
    ]


def describe_source(source: VideoSource) -> SourceDescription:
    """PeerTube's `VideoSource`: what is known of the uploaded file."""
    probe = records.load(Probe, source.probe) if source.probe else None
    video = probe.video if probe else None
    width, height = video.display_size if video else (None, None)
    short_side = min(width, height) if width and height else 0
    return SourceDescription(
        input_filename=source.filename,
        filename=source.filename,
        file_download_url=None,
        resolution=NumberedLabel(id=short_side, label=resolution_label(short_side))
        if probe
        else None,
        size=source.size,
        fps=float(video.frame_rate) if video else None,
        width=width,
        height=height,
        created_at=source.created_at,
    )
