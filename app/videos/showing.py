"""What templates need to show a video: its facts in words, its player, its preview elsewhere."""

import json
from collections.abc import Mapping
from html import escape
from typing import TypedDict

from babel import Locale, UnknownLocaleError

from app.accounts.schemas import Columns, site_url
from app.core import formats
from app.core.auth import Actor
from app.core.i18n import current_locale, gettext
from app.core.ids import short
from app.videos.vocabulary import CATEGORIES, LANGUAGES, LICENCES

#: Width of the frame that other sites show a video in, when they do not choose one.
FRAME_WIDTH = 560
WIDE = 16 / 9

#: PeerTube's parameters of a player's address that are switches, and what each is without a word.
SWITCHES = {"autoplay": False, "muted": False, "loop": False, "controls": True, "title": True}


class PlayerContext(TypedDict):
    """What templates/videos/_player.html takes."""

    playlist: str | None
    complete: bool
    storyboard_url: str | None


class PreviewContext(TypedDict):
    """What other sites show of a video, and the code that shows it on them."""

    picture_url: str | None
    embed_url: str
    frame: tuple[int, int]
    embed_code: str


def sensitive_wish(viewer: Actor | None) -> bool | None:
    """Whether lists show sensitive videos: False leaves them out, None shows both."""
    policy = viewer.preferences.get("nsfwPolicy", "do_not_list") if viewer else "do_not_list"
    return False if policy == "do_not_list" else None


def tags(row: Columns) -> list[str]:
    """The tags of a video."""
    stored = row["tags"]
    found: list[str] = json.loads(stored) if isinstance(stored, str) else stored
    return found


def facts(row: Columns) -> list[tuple[str, str]]:
    """What is known about a video, in the visitor's language: pairs of label and value."""
    found = []
    if row["category"] in CATEGORIES:
        found.append((gettext("Category"), gettext(CATEGORIES[row["category"]])))
    if row["language"] in LANGUAGES:
        found.append((gettext("Language"), language_name(row["language"])))
    if row["licence"] in LICENCES:
        found.append((gettext("Licence"), gettext(LICENCES[row["licence"]])))
    if row["originally_published_at"]:
        found.append(
            (gettext("First published"), formats.date(row["originally_published_at"], "long"))
        )
    return found


def language_name(code: str) -> str:
    """A language as the visitor's own names it."""
    known = Locale.parse(current_locale()).languages
    try:
        return known.get(code) or known.get(Locale.parse(code, sep="-").language) or LANGUAGES[code]
    except (ValueError, UnknownLocaleError):
        return LANGUAGES[code]


def player_context(row: Columns, *, token: str | None = None) -> PlayerContext:
    """What the player plays; a file token opens the files to a frame, which has no cookie."""
    playlist = json.loads(row["playlist"]) if row["playlist"] else None
    opened = f"?videoFileToken={token}" if token else ""
    return {
        "playlist": f"/static/streaming-playlists/hls/{row['uuid']}/{playlist['master']}"
        + (f"{opened}&reinjectVideoFileToken=true" if token else "")
        if playlist
        else None,
        "complete": bool(playlist and playlist["complete"]),
        "storyboard_url": f"/w/{short(row['uuid'])}/storyboard.vtt{opened}"
        if row["storyboard"]
        else None,
    }


def preview_context(row: Columns) -> PreviewContext:
    """How a video shows on other sites."""
    ratio = row["aspect_ratio"] or WIDE
    width, height = FRAME_WIDTH, round(FRAME_WIDTH / max(ratio, WIDE if ratio > 1 else 1))
    preview = row["preview"]
    return {
        "picture_url": f"{site_url()}/lazy-static/previews/{preview}" if preview else None,
        "embed_url": embed_url(row),
        "frame": (width, height),
        "embed_code": embed_code(row, width, height),
    }


def embed_code(row: Columns, width: int, height: int) -> str:
    """The HTML that shows a video on another site."""
    return (
        f'<iframe title="{escape(row["name"])}" width="{width}" height="{height}"'
        f' src="{embed_url(row)}" style="border: 0"'
        ' allow="autoplay; fullscreen; picture-in-picture"></iframe>'
    )


def embed_url(row: Columns) -> str:
    """The page for the frames of other sites."""
    return f"{site_url()}/videos/embed/{row['uuid']}"


def player_options(query: Mapping[str, str]) -> dict[str, str]:
    """PeerTube's parameters of a player's address as attributes of <kinora-player>.

    `start` and `stop` are seconds or `1h2m3s`; a switch is on with `1` or `true`.
    """
    options = {}
    for name, usual in SWITCHES.items():
        if name in query and (on := query[name].lower() in ("1", "true", "")) != usual:
            options[f"data-{name}"] = "true" if on else "false"
    for name in ("start", "stop"):
        if (seconds := seconds_of(query.get(name, ""))) is not None:
            options[f"data-{name}"] = str(seconds)
    return options


def seconds_of(text: str) -> int | None:
    """`83`, `83s`, `1m23s`, `1h2m3s` as seconds; None for anything else."""
    total, digits = 0, ""
    for character in text.lower()[:20]:
        if character.isascii() and character.isdigit():
            digits += character
        elif character in "hms" and digits:
            total += int(digits) * {"h": 3600, "m": 60, "s": 1}[character]
            digits = ""
        else:
            return None
    return total + int(digits or 0) if text else None


def storyboard_cues(row: Columns) -> str | None:
    """The storyboard as WebVTT: for each stretch of time the part of the sprite that shows it."""
    board = json.loads(row["storyboard"]) if row["storyboard"] else None
    if board is None:
        return None
    width, height, columns = board["tile_width"], board["tile_height"], board["columns"]
    lines = ["WEBVTT", ""]
    for number in range(board["count"]):
        start = number * board["interval"]
        end = row["duration"] if number == board["count"] - 1 else start + board["interval"]
        x, y = number % columns * width, number // columns * height
        lines += [
            f"{_clock(start)} --> {_clock(max(end, start + 0.001))}",
            f"/lazy-static/storyboards/{board['filename']}#xywh={x},{y},{width},{height}",
            "",
        ]
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
