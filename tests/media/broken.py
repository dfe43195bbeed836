"""Every kind of bad file, and the reason that the person is told."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.media.errors import Reason
from tests.media.makers import AAC, X264, film, picture, raw, run, tone


@dataclass(frozen=True, slots=True)
class Broken:
    """A kind of bad file."""

    name: str
    file: str
    make: Callable[[Path], None]
    reason: Reason


def text(content: str) -> Callable[[Path], None]:
    """A maker: a text file."""

    def write(path: Path) -> None:
        path.write_text(content)

    return write


def noise(path: Path) -> None:
    """Random bytes."""
    path.write_bytes(os.urandom(200_000))


def cut_short(make: Callable[[Path], None], part: float) -> Callable[[Path], None]:
    """A maker: the first part of a good file."""

    def shorten(path: Path) -> None:
        make(path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * part)])

    return shorten


def patched(make: Callable[[Path], None], *changes: tuple[bytes, bytes]) -> Callable[[Path], None]:
    """A maker: a good file with some bytes exchanged."""

    def patch(path: Path) -> None:
        make(path)
        data = path.read_bytes()
        for old, new in changes:
            assert len(old) == len(new)
            assert old in data
            data = data.replace(old, new)
        path.write_bytes(data)

    return patch


def without_content(path: Path) -> None:
    """A good description of pictures that are all zeros."""
    film(*X264, *AAC)(path)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = bytes(end - start)
    path.write_bytes(bytes(data))


def huge(path: Path) -> None:
    """Uncompressed video that says it is 16000 pixels wide and high."""
    raw("-c:v", "rawvideo", "-pix_fmt", "uyvy422", "-frames:v", "2")(path)
    data = path.read_bytes()
    size = (320).to_bytes(2, "big") + (180).to_bytes(2, "big")
    assert size in data
    path.write_bytes(data.replace(size, (16000).to_bytes(2, "big") * 2))


def endless(path: Path) -> None:
    """A few frames that say they last for weeks."""
    run(*picture(rate="10"), "-vf", "setpts=N*100000/TB", *X264, "-enc_time_base", "1", path)


def crowded(path: Path) -> None:
    """A hundred sound tracks."""
    maps = [word for _ in range(100) for word in ("-map", "0")]
    run(*tone(seconds=0.2), *maps, "-c:a", "pcm_s16le", path)


def subtitles_only(path: Path) -> None:
    """Words without picture or sound."""
    words = path.with_suffix(".srt")
    words.write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n")
    run("-i", words, path)
    words.unlink()


def encrypted(path: Path) -> None:
    """Common encryption."""
    key = "76a6c65c5ea762046bd749a2e632ccbb"
    scheme = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key)
    run(*picture(), *X264, *scheme, "-encryption_kid", key, path)


def playlist_of_a_secret(kind: str) -> Callable[[Path], None]:
    """A maker: a playlist that points at a good film beside it, as at any file of the server."""

    def make(path: Path) -> None:
        film(*X264, *AAC, "-f", "mpegts")(path.with_name("secret.ts"))
        where = str(path.with_name("secret.ts"))
        path.write_text(
            {
                "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{where}\n#EXT-X-ENDLIST\n",
                "concat": f"ffconcat version 1.0\nfile '{where}'\n",
                "dash": (
                    '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"'
                    ' type="static" mediaPresentationDuration="PT4S"><Period><AdaptationSet'
                    f' mimeType="video/mp2t"><Representation id="1" bandwidth="1"><BaseURL>{where}'
                    "</BaseURL></Representation></AdaptationSet></Period></MPD>"
                ),
                "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n",
            }[kind]
        )

    return make


BROKEN: Final[tuple[Broken, ...]] = (
    Broken("empty", "a.mp4", lambda path: path.touch(), Reason.EMPTY),
    Broken("text", "a.mp4", text("Dear diary, today I renamed a file.\n" * 99), Reason.NOT_MEDIA),
    Broken("noise", "a.mp4", noise, Reason.NOT_MEDIA),
    Broken("picture", "a.png", raw("-frames:v", "1"), Reason.NOT_MEDIA),
    Broken("truncated-mp4", "a.mp4", cut_short(film(*X264, *AAC), 0.6), Reason.TRUNCATED),
    Broken(
        "truncated-fast-start",
        "a.mp4",
        cut_short(film(*X264, *AAC, "-movflags", "+faststart"), 0.6),
        Reason.TRUNCATED,
    ),
    Broken("truncated-mkv", "a.mkv", cut_short(film(*X264, *AAC), 0.6), Reason.TRUNCATED),
    Broken("truncated-avi", "a.avi", cut_short(film("-c:v", "mjpeg"), 0.6), Reason.TRUNCATED),
    Broken("truncated-head", "a.mkv", cut_short(film(*X264, *AAC), 0.001), Reason.TRUNCATED),
    Broken("no-content", "a.mp4", without_content, Reason.DAMAGED),
    Broken("subtitles-only", "a.mkv", subtitles_only, Reason.NO_STREAMS),
    Broken(
        "unknown-codec",
        "a.mp4",
        patched(raw(*X264), (b"avc1", b"zzz1"), (b"avcC", b"zzzC")),
        Reason.UNSUPPORTED_CODEC,
    ),
    Broken("encrypted", "a.mp4", encrypted, Reason.ENCRYPTED),
    Broken("huge-picture", "a.mov", huge, Reason.TOO_LARGE_PICTURE),
    Broken("weeks-long", "a.mkv", endless, Reason.TOO_LONG),
    Broken("hundred-tracks", "a.mkv", crowded, Reason.TOO_MANY_STREAMS),
    Broken("hls", "a.m3u8", playlist_of_a_secret("hls"), Reason.PLAYLIST),
    Broken("hls-as-mp4", "a.mp4", playlist_of_a_secret("hls"), Reason.PLAYLIST),
    Broken("concat", "a.ffconcat", playlist_of_a_secret("concat"), Reason.PLAYLIST),
    Broken("concat-as-mp4", "a.mp4", playlist_of_a_secret("concat"), Reason.PLAYLIST),
    Broken("dash", "a.mpd", playlist_of_a_secret("dash"), Reason.PLAYLIST),
    Broken("sdp", "a.sdp", playlist_of_a_secret("sdp"), Reason.PLAYLIST),
)
