"""A picture and its sound become one file by their boxes alone, and what is neither is refused."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import pytest

from app.media import weaving
from app.media.boxes import children
from app.media.errors import MediaError, Reason
from app.media.ladder import LadderSettings
from tests.media import pipeline

ENCODED = replace(pipeline.SETTINGS, may_copy=False)
COPIED = pipeline.SETTINGS


def woven(made: pipeline.Made, name: str) -> tuple[bytes, Path]:
    """The film of a rendition with the sound, laid out as it is sent, beside its parts."""
    parts, beginnings = [], []
    for part, number in ((name, 1), ("audio-0", 2)):
        file = made.files[part]
        data = file.read_bytes()
        length, stretches = weaving.read_playlist((file.parent / f"{part}.m3u8").read_text())
        beginnings.append(data[:length])
        for each in stretches:
            segment = data[each.offset : each.offset + each.size]
            if number == 2:
                segment = weaving.second(segment)
            parts.append((each.start, number, segment))
    beginning = weaving.beginning(beginnings[0], beginnings[1], seconds=4.0)
    film = made.files[name].with_name(f"{name}-film.mp4")
    film.write_bytes(beginning + b"".join(data for _, _, data in sorted(parts)))
    return film.read_bytes(), film


def checksum(path: Path, stream: str) -> str:
    """What decoding a stream gives; any word of complaint fails."""
    command = ["ffmpeg", "-v", "warning", "-i", str(path), "-map", stream, "-f", "md5", "-"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("settings", [ENCODED, COPIED], ids=["encoded", "copied"])
async def test_a_film_decodes_as_its_parts_do(
    source_file: Callable[[str], Path], tmp_path: Path, settings: LadderSettings
) -> None:
    made = await pipeline.run(source_file("h264-mp4"), tmp_path, settings)
    name = made.plan.rungs[0].name
    data, film = woven(made, name)
    assert checksum(film, "0:v") == checksum(made.files[name], "0:v")
    assert checksum(film, "0:a") == checksum(made.files["audio-0"], "0:a")
    assert len(data) < made.renditions[name].size + made.renditions["audio-0"].size
    with av.open(str(film)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert [stream.id for stream in container.streams] == [1, weaving.SOUND_TRACK]


async def test_renumbering_changes_no_length(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    made = await pipeline.run(source_file("h264-mp4"), tmp_path, COPIED)
    segment = made.renditions["audio-0"].segments[0]
    data = made.files["audio-0"].read_bytes()[segment.offset : segment.offset + segment.size]
    changed = weaving.second(data)
    assert len(changed) == len(data)
    assert sum(one != other for one, other in zip(data, changed, strict=True)) == sum(
        box.kind == b"moof" for box in children(data, 0, len(data))
    )


@pytest.mark.parametrize("cut", [0, 4, 20, 60])
def test_what_is_no_beginning_is_refused(cut: int) -> None:
    whole = b"\0\0\0\x18ftypiso6\0\0\2\0iso6mp41" + b"\0\0\0\x10moov\0\0\0\x08mvhd"
    with pytest.raises(MediaError) as refused:
        weaving.beginning(whole[:cut], whole, seconds=1)
    assert refused.value.code == Reason.BAD_PACKAGE


@pytest.mark.parametrize("data", [b"\0\0\0\x09moof", b"\0\0\0\x08moof", b"moof"])
def test_what_is_no_fragment_is_refused(data: bytes) -> None:
    with pytest.raises(MediaError):
        weaving.second(data)


def test_a_playlist_without_a_beginning_is_refused() -> None:
    with pytest.raises(MediaError):
        weaving.read_playlist("#EXTM3U\n")
