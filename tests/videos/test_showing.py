"""A video in words: facts, player parameters, storyboard cues, the code for other sites."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.i18n import speak
from app.videos import showing

UUID_ = UUID("01890000-0000-7000-8000-000000000001")


def row(**columns: Any) -> dict[str, Any]:
    """The columns of a detail row that matter here."""
    return {
        "uuid": UUID_,
        "name": "A film",
        "category": None,
        "language": None,
        "licence": None,
        "originally_published_at": None,
        "aspect_ratio": None,
        "preview": None,
        "playlist": None,
        "storyboard": None,
        "duration": 5.0,
        "tags": "[]",
    } | columns


def test_facts_are_said_in_the_visitors_language(settings_env: dict[str, str]) -> None:
    speak("en")
    found = dict(showing.facts(row(category=2, language="de", licence=7)))
    assert found == {
        "Category": "Films",
        "Language": "German",
        "Licence": "Public Domain Dedication",
    }
    assert showing.facts(row()) == []


@pytest.mark.parametrize("code", ["kab", "tlh", "ase", "zh-Hans", "pt"])
def test_every_language_has_a_name(settings_env: dict[str, str], code: str) -> None:
    speak("en")
    assert showing.language_name(code) not in ("", code)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("83", 83),
        ("83s", 83),
        ("1m23s", 83),
        ("1h2m3s", 3723),
        ("2h", 7200),
        ("", None),
        ("x", None),
        ("-3", None),
        ("1.5", None),
        ("s", None),
        ("٣", None),
    ],
)
def test_times_of_addresses(text: str, seconds: int | None) -> None:
    assert showing.seconds_of(text) == seconds


@given(st.text(max_size=40))
def test_no_time_is_too_strange(text: str) -> None:
    seconds = showing.seconds_of(text)
    assert seconds is None or seconds >= 0


def test_player_parameters_as_peertube_names_them() -> None:
    asked = {"start": "1m", "stop": "90", "autoplay": "1", "muted": "0", "controls": "false"}
    assert showing.player_options(asked | {"loop": "true", "p2p": "1"}) == {
        "data-start": "60",
        "data-stop": "90",
        "data-autoplay": "true",
        "data-loop": "true",
        "data-controls": "false",
    }


def test_storyboard_cues_cover_the_whole_film() -> None:
    board = {
        "filename": "b.jpg",
        "tile_width": 192,
        "tile_height": 108,
        "columns": 2,
        "rows": 2,
        "interval": 2.0,
        "count": 3,
    }
    cues = showing.storyboard_cues(row(storyboard=json.dumps(board), duration=5.25))
    assert cues == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:02.000\n/lazy-static/storyboards/b.jpg#xywh=0,0,192,108\n\n"
        "00:00:02.000 --> 00:00:04.000\n/lazy-static/storyboards/b.jpg#xywh=192,0,192,108\n\n"
        "00:00:04.000 --> 00:00:05.250\n/lazy-static/storyboards/b.jpg#xywh=0,108,192,108\n"
    )
    assert showing.storyboard_cues(row()) is None


def test_frames_of_other_sites_keep_the_picture_whole(settings_env: dict[str, str]) -> None:
    assert showing.preview_context(row(aspect_ratio=16 / 9))["frame"] == (560, 315)
    assert showing.preview_context(row(aspect_ratio=9 / 16))["frame"] == (560, 560)
    code = showing.preview_context(row(name='"><script>'))["embed_code"]
    assert "<script>" not in code


def test_a_token_opens_the_files_to_a_frame(settings_env: dict[str, str]) -> None:
    playlist = json.dumps({"master": "m.m3u8", "complete": True})
    plain = showing.player_context(row(playlist=playlist))
    assert plain["playlist"] == f"/static/streaming-playlists/hls/{UUID_}/m.m3u8"
    assert plain["complete"]
    opened = showing.player_context(row(playlist=playlist), token="t")["playlist"]
    assert opened is not None
    assert opened.endswith("/m.m3u8?videoFileToken=t&reinjectVideoFileToken=true")
    assert showing.player_context(row())["playlist"] is None
