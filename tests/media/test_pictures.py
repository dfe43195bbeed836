"""Thumbnails, storyboards, avatars, still films: the right picture, upright, in the right size."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from app.media import images, ladder, probe, still, storyboard, thumbnails
from app.media.errors import MediaError, Reason
from app.media.limits import MIB, Limits
from app.media.thumbnails import PictureSize
from tests.media import pipeline
from tests.media.sources import X264, picture, run

CORNERS = ("red", "green", "blue", "yellow")
SQUARE = (PictureSize("square", 120, 120),)


@pytest.mark.parametrize("name", ["h264-mp4", "rotated-180", "hdr-pq", "anamorphic", "vp9-webm"])
async def test_thumbnails_are_upright_and_of_their_sizes(
    name: str, source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file(name)
    made = await thumbnails.make_thumbnails(path, await probe.probe(path), tmp_path)
    assert [(one.name, one.width, one.height) for one in made] == [
        ("small", 280, 157),
        ("medium", 850, 480),
        ("large", 1280, 720),
    ]
    for one in made:
        with Image.open(one.path) as image:
            assert image.format == "JPEG"
            assert image.size == (one.width, one.height)
            assert pipeline.corners(image.convert("RGB")) == CORNERS
    assert sorted(tmp_path.iterdir()) == sorted(one.path for one in made)


@pytest.mark.parametrize("name", ["rotated-90", "rotated-270", "portrait"])
async def test_a_portrait_stands_whole_in_the_middle(
    name: str, source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file(name)
    made = await thumbnails.make_thumbnails(path, await probe.probe(path), tmp_path)
    with Image.open(made[2].path) as image:
        width = round(720 * 180 / 320)
        left = (1280 - width) // 2
        assert pipeline.corners(image.convert("RGB").crop((left, 0, left + width, 720))) == CORNERS


async def test_black_and_empty_frames_are_avoided(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    dark = ",drawbox=0:0:iw:ih:black:fill:enable='between(t,0.9,3.1)'"
    run(*picture(extra=dark), *X264, path)
    made = await thumbnails.make_thumbnails(path, await probe.probe(path), tmp_path)
    with Image.open(made[1].path) as image:
        assert ImageStat.Stat(image.convert("L")).stddev[0] > 30


async def test_a_moment_can_be_asked_for(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file("h264-mp4")
    found = await probe.probe(path)
    for moment in (0.0, 3.2):
        folder = tmp_path / str(moment)
        folder.mkdir()
        await thumbnails.make_thumbnails(path, found, folder, at=moment)
    first, later = ((tmp_path / name / "medium.jpg").read_bytes() for name in ("0.0", "3.2"))
    assert first != later


async def test_the_cover_of_a_song_is_its_thumbnail(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file("mp3-with-cover")
    found = await probe.probe(path)
    assert [(one.width, one.height) for one in found.pictures] == [(300, 300)]
    made = await thumbnails.make_thumbnails(path, found, tmp_path)
    with Image.open(made[1].path) as image:
        middle = image.convert("RGB").crop((185, 0, 665, 480))
        assert pipeline.corners(middle) == CORNERS


async def test_a_song_without_a_cover_has_no_thumbnail(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file("flac")
    with pytest.raises(MediaError) as caught:
        await thumbnails.make_thumbnails(path, await probe.probe(path), tmp_path)
    assert caught.value.reason is Reason.NO_STREAMS
    assert list(tmp_path.iterdir()) == []


async def test_a_still_film_shows_cover_then_fallback_then_a_surface(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    fallback = tmp_path / "fallback.png"
    Image.new("RGB", (640, 360), (0, 200, 0)).save(fallback)
    shown = {}
    for name, given in (("mp3-with-cover", fallback), ("mp3", fallback), ("flac", None)):
        path = source_file(name)
        found = await probe.probe(path)
        plan = ladder.plan(found)
        made = await still.make_still(path, found, plan, tmp_path / "still.jpg", fallback=given)
        with Image.open(made) as image:
            assert image.size == (1280, 720)
            shown[name] = image.convert("RGB").getpixel((640, 20))
    assert shown["mp3"] == (0, 200, 0)
    assert shown["mp3-with-cover"] != (0, 200, 0)
    assert shown["flac"] == (32, 33, 38)


async def test_a_storyboard_has_a_tile_a_second(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file("h264-mp4")
    board = await storyboard.make_storyboard(path, await probe.probe(path), tmp_path / "a.jpg")
    assert (board.tile_width, board.tile_height) == (192, 108)
    assert (board.columns, board.rows, board.tiles, board.interval) == (4, 1, 4, 1.0)
    with Image.open(board.path) as image:
        assert image.size == (4 * 192, 108)
        for column in range(4):
            tile = image.convert("RGB").crop((column * 192, 0, column * 192 + 192, 108))
            assert pipeline.corners(tile) == CORNERS


async def test_a_long_film_has_a_full_storyboard(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file("three-hours")
    board = await storyboard.make_storyboard(path, await probe.probe(path), tmp_path / "a.jpg")
    assert (board.columns, board.rows, board.tiles) == (11, 11, 121)
    assert board.interval == pytest.approx(10800 / 121, abs=0.1)
    with Image.open(board.path) as image:
        assert image.size == (11 * board.tile_width, 11 * board.tile_height)


async def test_tiles_keep_the_shape_of_a_portrait(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file("rotated-90")
    board = await storyboard.make_storyboard(path, await probe.probe(path), tmp_path / "a.jpg")
    assert (board.tile_width, board.tile_height) == (61, 108)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
async def test_people_may_upload_pictures_of_these_kinds(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    Image.new("RGB", (300, 200), (200, 30, 30)).save(path, kind)
    made = await images.resize(path, tmp_path, SQUARE)
    with Image.open(made[0].path) as image:
        assert (image.format, image.size) == ("JPEG", (120, 120))
        pixel = image.convert("RGB").getpixel((60, 60))
        assert isinstance(pixel, tuple)
        assert pixel[0] > 180


async def test_exif_turns_a_picture_and_is_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "upload.jpg"
    image = Image.new("RGB", (200, 100), (255, 0, 0))
    image.paste((0, 0, 255), (100, 0, 200, 100))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90° clockwise
    exif[0x8825] = {1: "N", 2: (48.0, 12.0, 0.0)}
    image.save(path, exif=exif)
    made = await images.resize(path, tmp_path, [PictureSize("tall", 100, 200)])
    with Image.open(made[0].path) as turned:
        assert not turned.getexif()
        assert pipeline.colour_name(turned.convert("RGB"), (50, 20)) == "red"
        assert pipeline.colour_name(turned.convert("RGB"), (50, 180)) == "blue"


async def test_transparent_pictures_stand_on_white(tmp_path: Path) -> None:
    path = tmp_path / "upload.png"
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(path)
    made = await images.resize(path, tmp_path, SQUARE)
    with Image.open(made[0].path) as image:
        assert image.convert("RGB").getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.NOT_A_PICTURE),
        (b"hello", Reason.NOT_A_PICTURE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Reason.NOT_A_PICTURE),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, Reason.NOT_A_PICTURE),
    ],
)
async def test_what_is_no_picture(content: bytes, reason: Reason, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)
    with pytest.raises(MediaError) as caught:
        await images.resize(path, tmp_path, SQUARE)
    assert caught.value.reason is reason
    assert list(tmp_path.iterdir()) == [path]


async def test_a_picture_that_is_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (20000, 20000)).save(path)
    assert path.stat().st_size < 100_000
    with pytest.raises(MediaError) as caught:
        await images.resize(path, tmp_path, SQUARE)
    assert caught.value.reason is Reason.TOO_LARGE_PICTURE


async def test_a_picture_that_needs_too_much_memory(tmp_path: Path) -> None:
    path = tmp_path / "upload.png"
    Image.new("L", (8000, 8000)).save(path)
    with pytest.raises(MediaError) as caught:
        await images.resize(path, tmp_path, SQUARE, limits=Limits(memory=180 * MIB))
    assert caught.value.reason is Reason.TOO_EXPENSIVE


async def test_a_cut_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "upload.jpg"
    Image.effect_noise((400, 400), 50).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(MediaError) as caught:
        await images.resize(path, tmp_path, SQUARE)
    assert caught.value.reason is Reason.NOT_A_PICTURE
