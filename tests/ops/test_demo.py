"""`bin/run --demo`: every film can be drawn, and what is filled once is not filled twice."""

import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import av
import pytest
from PIL import Image

from app.local import demo
from app.local.demo_films import DRAWN_SOUND, FILMS, PEOPLE, Film, Person
from tests.site import Site, start, start_site


@pytest.mark.slow
@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.name)
def test_a_film_can_be_drawn(film: Film, tmp_path: Path) -> None:
    file = demo.make(replace(film, seconds=3), tmp_path)
    with av.open(str(file)) as made:
        assert len(made.streams.audio) == 1
        assert len(made.streams.video) == bool(film.picture or film.name in DRAWN_SOUND)
        assert made.duration is not None
        assert made.duration / av.time_base == pytest.approx(3, abs=0.3)


@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.name)
def test_no_label_of_its_filters_is_used_twice(film: Film) -> None:
    used = Counter(re.findall(r"\[(\w+)\]", demo.score(film)))
    assert used.pop("heard") == 1
    assert used.pop("seen", 1) == 1
    assert set(used.values()) <= {2}, used


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.username)
def test_a_banner_runs_from_edge_to_edge(person: Person, tmp_path: Path) -> None:
    with Image.open(demo.paint(person, (1920, 317), "linear", tmp_path)) as banner:
        row = [banner.getpixel((x, 158)) for x in (0, 640, 1280, 1919)]
    assert len(set(row)) == 4


def test_the_films_are_various() -> None:
    assert len(FILMS) == 12
    assert {film.by for film in FILMS} == {person.username for person in PEOPLE}
    assert all(10 <= film.seconds <= 40 for film in FILMS)
    assert all(2 <= len(tag) <= 30 for film in FILMS for tag in film.tags)
    assert len({film.category for film in FILMS}) > 5
    assert len({film.language for film in FILMS}) > 5
    assert len({film.name for film in FILMS}) == len(FILMS)


FILL = """
import sys
from dataclasses import replace
from app.local import demo
bells = next(film for film in demo.FILMS if "Bells" in film.name)
demo.FILMS = (replace(bells, seconds=10),)
sys.exit(demo.main())
"""


def filling(site: Site) -> subprocess.Popen[str]:
    """Start to fill the site with the cheapest film."""
    settings = {"KINORA_CONFIG": str(site.data / "run" / "kinora.toml")}
    return start([sys.executable, "-u", "-c", FILL], **settings)


def fill(site: Site) -> str:
    """Fill the site with the cheapest film; gives what that printed."""
    process = filling(site)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


@pytest.mark.site
@pytest.mark.slow
def test_filling_twice_is_filling_once(tmp_path: Path) -> None:
    site = start_site(tmp_path)
    try:
        first, second = fill(site), fill(site)
        assert "1 of 1 videos play, done" in first
        assert "Log in as mira, tomasz, ines, studio9 with the password" in first
        assert "1 of 1 videos play, done" in second
        assert "password" not in second
        assert "drawing" not in second
        videos = site.json("/api/v1/videos")
        assert videos["total"] == 1
        assert videos["data"][0]["channel"]["displayName"] == "Studio 9 Sessions"
        assert videos["data"][0]["account"]["avatars"]
        assert site.json("/api/v1/accounts")["total"] == len(PEOPLE) + 1
    finally:
        site.stop()


@pytest.mark.site
@pytest.mark.slow
def test_ctrl_c_in_the_midst_of_work_loses_nothing(tmp_path: Path) -> None:
    site = start_site(tmp_path)
    process = filling(site)
    assert process.stdout is not None
    shown = next(process.stdout)
    assert shown.startswith("Log in as mira, tomasz, ines, studio9 with the password ")
    said = next(line for line in process.stdout if "transcoding" in line or "done" in line)
    assert site.stop() == 0, site.output
    process.communicate()
    again = start_site(tmp_path)
    try:
        assert "1 of 1 videos play, done" in fill(again), said
        assert again.json("/api/v1/videos")["total"] == 1
    finally:
        again.stop()
