"""`bin/run --demo`: fills the site through its own REST interface, as so many people would.

What is there already stays, so that it may be run again after an interruption.
"""

import asyncio
import http.client
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from app.accounts.models import User
from app.accounts.passwords import hash_password
from app.config import settings
from app.core.db import database
from app.local.demo_client import Client, DemoError
from app.local.demo_films import DRAWN_SOUND, FILMS, PEOPLE, Film, Person
from app.local.progress import Progress
from app.sessions.service import Device, open_bearer
from app.users.schemas import NewUser
from app.users.service import create_user

PUBLISHED, FAILED = 1, 7  # PeerTube's numbers of states
SECONDS_TO_PLAY = 1800.0


async def _log_in(person: Person, password: str) -> tuple[Client, bool]:
    """A client for somebody, and whether their account had to be made."""
    user = await User.get_or_none(username=person.username)
    is_new = user is None
    if user is None:
        new = NewUser(
            username=person.username,
            email=f"{person.username}@example.org",
            password=password,
            display_name=person.display_name,
            channel_name=person.channel,
            channel_display_name=person.channel_name,
        )
        user = await create_user(
            new, password_hash=await hash_password(password), email_verified=True
        )
    bearer = await open_bearer(user.id, Device("kinora demo", "127.0.0.1"))
    return Client(bearer.access_token), is_new


async def _log_everybody_in(password: str) -> tuple[dict[str, Client], list[str]]:
    url = settings().database.url.get_secret_value()
    clients, fresh = {}, []
    async with database(url, pool_size=1, application_name="kinora-demo"):
        for person in PEOPLE:
            clients[person.username], is_new = await _log_in(person, password)
            fresh += [person.username] if is_new else []
    return clients, fresh


def _furnish(client: Client, person: Person, folder: Path) -> None:
    """Words and pictures of a person and of their channel."""
    me = client.get("/users/me")
    account = me["account"]
    if isinstance(account, dict) and account.get("avatars"):
        return
    client.send("PUT", "/users/me", {"description": person.about})
    channel = f"/video-channels/{person.channel}"
    client.send("PUT", channel, {"description": person.channel_about})
    for size, kind, path, name in (
        ((400, 400), "radial", "/users/me/avatar/pick", "avatarfile"),
        ((400, 400), "spiral", f"{channel}/avatar/pick", "avatarfile"),
        ((1920, 317), "linear", f"{channel}/banner/pick", "bannerfile"),
    ):
        picture = paint(person, size, kind, folder)
        client.post_form(path, {}, {name: picture})


def paint(person: Person, size: tuple[int, int], kind: str, folder: Path) -> Path:
    """A picture that runs from one of the person's colours to the other."""
    width, height = size
    first, second = person.colours
    x, y = (0, 0) if kind == "linear" else (width // 2, height // 2)
    # A point outside the picture, even by one pixel, would be replaced by one at random.
    ends = f"x0={x}:y0={y}:x1={width - 1}:y1={height - 1}"
    source = f"gradients=s={width}x{height}:type={kind}:c0={first}:c1={second}:n=2:{ends}"
    picture = folder / "picture.png"
    _ffmpeg("-f", "lavfi", "-i", f"{source},format=rgb24", "-frames:v", "1", picture)
    return picture


def make(film: Film, folder: Path) -> Path:
    """Draw and sing a film into a file."""
    file = folder / f"film.{film.container}"
    graph = score(film)
    maps = [word for label in ("[heard]", "[seen]") if label in graph for word in ("-map", label)]
    length = ("-t", str(film.seconds))
    _ffmpeg("-filter_complex", graph, *maps, *length, *CODECS[film.container], file)
    return file


def score(film: Film) -> str:
    """The filters that make a film; they end in [heard] and, where there is a picture, [seen].

    The pictures have labels of one letter among themselves, and no label may be used twice: which
    of the two ffmpeg takes depends on its version.
    """
    fade = f"afade=t=in:d=1,afade=t=out:st={film.seconds - 2}:d=2"
    if drawing := DRAWN_SOUND.get(film.name):
        copies = f"{film.sound},asplit[sung][shown]"
        return f"{copies};[sung]{fade}[heard];[shown]{drawing},format=yuv420p[seen]"
    if film.picture:
        return f"{film.sound},{fade}[heard];{film.picture},format=yuv420p[seen]"
    return f"{film.sound},{fade}[heard]"


X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-maxrate", "4M", "-bufsize", "8M")
CODECS = {
    "mp4": (*X264, "-c:a", "aac", "-movflags", "+faststart"),
    "mov": (*X264, "-c:a", "pcm_s16le"),
    "mkv": (*X264, "-c:a", "flac"),
    "webm": ("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "2M", "-c:a", "libopus"),
    "ogg": ("-c:a", "libopus"),
}


def _ffmpeg(*arguments: str | Path) -> None:
    program = shutil.which("ffmpeg") or "ffmpeg"
    command = [program, "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise DemoError(f"ffmpeg could not draw {arguments[-1]}: {done.stderr.strip()}")


def _upload(client: Client, film: Film, file: Path) -> None:
    me = client.get("/users/me")
    channels = me["videoChannels"]
    assert isinstance(channels, list)  # noqa: S101 - PeerTube's shape, which we serve ourselves
    said = {
        "name": film.name,
        "channelId": channels[0]["id"],
        "description": film.about,
        "tags[]": film.tags,
        "language": film.language,
        "category": film.category,
        "licence": film.licence,
        "privacy": 1,
    }
    files = {"videofile": file}
    if not film.picture and film.name not in DRAWN_SOUND:
        files["thumbnailfile"] = _poster(file.with_name("poster.png"))
    client.post_form("/videos/upload", said, files)


def _poster(picture: Path) -> Path:
    """The picture of a piece of sound: rings in the air."""
    far = "hypot(X-320,Y-150)"
    ring = f"exp(-{far}/150)*(0.6+0.4*cos({far}/9))"
    colours = f"geq=r='27+225*{ring}':g='27+175*{ring}':b='58+60*{ring}'"
    source = f"nullsrc=s=640x360,format=gbrp,{colours},scale=1280:720:flags=bicubic"
    _ffmpeg("-f", "lavfi", "-i", source, "-frames:v", "1", picture)
    return picture


def _states(clients: Mapping[str, Client]) -> dict[str, int]:
    """The state of everybody's videos, by name."""
    found: dict[str, int] = {}
    for client in clients.values():
        videos = client.get("/users/me/videos?count=100")["data"]
        assert isinstance(videos, list)  # noqa: S101 - as above
        found |= {video["name"]: video["state"]["id"] for video in videos}
    return found


def _fill(clients: Mapping[str, Client]) -> None:
    progress = Progress(len(FILMS), "videos play")
    with tempfile.TemporaryDirectory(prefix="kinora-demo-") as name:
        folder = Path(name)
        for person in PEOPLE:
            progress.show(f"furnishing {person.channel_name}")
            _furnish(clients[person.username], person, folder)
        states = _states(clients)
        for film in reversed(FILMS):  # the newest comes first on the pages
            if film.name not in states:
                progress.show(f"drawing “{film.name}”")
                file = make(film, folder)
                progress.show(f"uploading “{film.name}”")
                _upload(clients[film.by], film, file)
                file.unlink()
                states = _states(clients)
            progress.count(_playing(states))
    end = time.monotonic() + SECONDS_TO_PLAY
    while (playing := _playing(states)) < len(FILMS):
        progress.count(playing)
        progress.show("transcoding")
        if broken := [film.name for film in FILMS if states.get(film.name) == FAILED]:
            raise DemoError(f"“{broken[0]}” could not be transcoded; its page says why.")
        if time.monotonic() > end:
            raise DemoError("The videos are not transcoded yet; they go on in the background.")
        time.sleep(1)
        states = _states(clients)
    progress.count(len(FILMS))
    progress.end()


def _playing(states: Mapping[str, int]) -> int:
    return sum(states.get(film.name) == PUBLISHED for film in FILMS)


def main() -> int:
    """Fill the site; gives the exit status."""
    password = secrets.token_urlsafe(9)
    clients, fresh = asyncio.run(_log_everybody_in(password))
    if fresh:  # now: whoever interrupts the rest wants to log in all the same
        named = ", ".join(fresh)
        print(f"Log in as {named} with the password {password} (shown only this once)", flush=True)
    try:
        _fill(clients)
    except (DemoError, OSError, http.client.HTTPException) as error:
        print(f"\nThe demo stopped: {error}", file=sys.stderr)
        return 1
    finally:
        for client in clients.values():
            client.send("POST", "/users/revoke-token", {})
    return 0
