"""A film as transcoding leaves it: two heights without sound, and the sound that both share."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.core.storage import storage
from app.playback import gate
from app.videos.models import Rendition, Video
from tests.conftest import run_apart
from tests.factories import make_video
from tests.media import makers, pipeline
from tests.videos.test_pages import PLAYLIST

MakeFilm = Callable[..., Awaitable[Video]]


@pytest.fixture(autouse=True)
def forget() -> None:
    """What the gate found out in an earlier test is not believed in the next."""
    gate.forget()


@pytest.fixture(scope="session")
def transcoded(tmp_path_factory: pytest.TempPathFactory) -> pipeline.Made:
    """The files of a film of four seconds."""
    folder: Path = tmp_path_factory.mktemp("film")
    source = folder / "source.mp4"
    makers.film(*makers.X264, *makers.AAC)(source)
    return run_apart(pipeline.run(source, folder))


@pytest.fixture
def make_film(transcoded: pipeline.Made) -> MakeFilm:
    """Makes videos with these files in storage."""

    async def make(**fields: Any) -> Video:
        video = await make_video(playlist=PLAYLIST, **fields)
        for name, file in transcoded.files.items():
            index = transcoded.renditions[name]
            stem = f"{video.uuid}-t-{name}"
            playlist = (file.parent / f"{name}.m3u8").read_text()
            folder = f"hls/{video.uuid}/{stem}"
            await storage().put_bytes(f"{folder}.mp4", file.read_bytes())
            await storage().put_bytes(f"{folder}.m3u8", playlist.encode())
            await Rendition.create(
                video=video,
                resolution=min(index.width, index.height),
                width=index.width,
                height=index.height,
                fps=0 if index.kind == "audio" else 30,
                codecs=index.codecs,
                bandwidth=index.bandwidth,
                average_bandwidth=index.average_bandwidth,
                filename=f"{stem}.mp4",
                playlist_filename=f"{stem}.m3u8",
                size=file.stat().st_size,
            )
        return video

    return make
