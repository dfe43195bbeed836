"""Runs the whole pipeline on one file, as the transcoding jobs do, and decodes what came out."""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from PIL import Image

from app.media import audio, dash, ladder, package, playlists, probe, still, transcode
from app.media.ladder import Chunk, LadderSettings, Plan
from app.media.package import Rendition
from app.media.pieces import PieceReader

SETTINGS = LadderSettings(
    resolutions=(96, 180), gop_seconds=Fraction(1, 2), chunk_seconds=(1, 2), max_fps=60
)


@dataclass
class Made:
    """What the pipeline made."""

    plan: Plan
    probe: probe.Probe
    source: Path
    files: dict[str, Path] = field(default_factory=dict)
    renditions: dict[str, Rendition] = field(default_factory=dict)
    master: str = ""
    mpd: str = ""


async def prepare(path: Path, folder: Path, settings: LadderSettings = SETTINGS) -> Made:
    """Probe, normalise where needed, plan."""
    found = await probe.probe(path)
    if ladder.why_normalise(found):
        path = await transcode.normalise(path, found, folder / "normal.mkv")
        found = await probe.probe(path)
    return Made(ladder.plan(found, settings), found, path)


async def run(path: Path, folder: Path, settings: LadderSettings = SETTINGS) -> Made:
    """Everything: chunks, sound, copies, joined files, playlists."""
    made = await prepare(path, folder, settings)
    plan = made.plan
    source = made.source
    if plan.is_still:
        source = await still.make_still(made.source, made.probe, plan, folder / "still.jpg")
    await encode(made, source, folder, plan.chunks)
    if plan.copied is not None:
        copy = await transcode.remux_video(made.source, plan, folder / "copy.mp4")
        take(made, plan.copied.name, copy)
    for track in plan.audio:
        file = folder / f"{track.name}.mp4"
        take(made, track.name, await audio.encode_audio(made.source, plan, track, file))
    write_playlists(made, folder)
    return made


async def encode(made: Made, source: Path, folder: Path, chunks: tuple[Chunk, ...]) -> None:
    """Encode all chunks of all rungs and join them."""
    if not made.plan.encoded:
        return
    parts = [
        await transcode.encode_chunk(source, made.plan, chunk, made.plan.encoded, folder)
        for chunk in chunks
    ]
    for rung in made.plan.encoded:
        output = folder / f"{rung.name}.mp4"
        made.renditions[rung.name] = package.join(
            [part[rung.name] for part in parts], output, segment_seconds=made.plan.segment_seconds
        )
        made.files[rung.name] = output


def take(made: Made, name: str, file: Path) -> None:
    """Index a finished file."""
    made.files[name] = file
    made.renditions[name] = package.index(file, segment_seconds=made.plan.segment_seconds)


def write_playlists(made: Made, folder: Path) -> None:
    """Write all playlists and the manifest beside the files."""
    for name, rendition in made.renditions.items():
        file = made.files[name].name
        (folder / f"{name}.m3u8").write_text(playlists.media_playlist(rendition, file))
        if rendition.kind == "video":
            (folder / f"{name}-i.m3u8").write_text(playlists.iframe_playlist(rendition, file))
    variants = [
        playlists.Variant(
            uri=f"{rung.name}.m3u8",
            media_uri=made.files[rung.name].name,
            rendition=made.renditions[rung.name],
            iframes_uri=f"{rung.name}-i.m3u8",
            frame_rate=rung.fps,
        )
        for rung in made.plan.rungs
    ]
    sounds = [
        playlists.AudioVariant(
            uri=f"{track.name}.m3u8",
            media_uri=made.files[track.name].name,
            rendition=made.renditions[track.name],
            label=track.label,
            language=track.language,
            is_default=track.is_default,
        )
        for track in made.plan.audio
    ]
    made.master = playlists.master_playlist(variants, sounds)
    made.mpd = dash.manifest(variants, sounds)
    (folder / "master.m3u8").write_text(made.master)
    (folder / "manifest.mpd").write_text(made.mpd)


@dataclass
class Decoded:
    """What a decoder says of a video rendition."""

    frames: int
    deltas: set[int]
    middle: Image.Image


def decode_video(path: Path) -> Decoded:
    """Decode every frame."""
    frames: list[int] = []
    images: list[Image.Image] = []
    with av.open(str(path)) as media:
        stream = media.streams.video[0]
        for frame in media.decode(stream):
            assert frame.pts is not None
            frames.append(frame.pts)
            images.append(to_image(frame.reformat(format="rgb24")))
            images = images[-200:]
    return Decoded(
        frames=len(frames),
        deltas={after - before for before, after in pairwise(frames)},
        middle=images[len(images) // 2],
    )


def to_image(frame: av.VideoFrame) -> Image.Image:
    """An RGB frame as a picture."""
    plane = frame.planes[0]
    size = (frame.width, frame.height)
    return Image.frombuffer("RGB", size, bytes(plane), "raw", "RGB", plane.line_size, 1)


def samples(path: Path, rate: int | None = None) -> tuple[list[float], int]:
    """Decode a sound file: its first channel, and the sample rate."""
    values: list[float] = []
    with av.open(str(path)) as media:
        stream = media.streams.audio[0]
        rate = rate or stream.codec_context.sample_rate
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        for frame in media.decode(stream):
            for part in resampler.resample(frame):
                values += memoryview(part.planes[0]).cast("f").tolist()[: part.samples]
        for part in resampler.resample(None):
            values += memoryview(part.planes[0]).cast("f").tolist()[: part.samples]
    return values, rate


def corners(image: Image.Image) -> tuple[str, str, str, str]:
    """The colours of the four corners, by name, left to right and top to bottom."""
    width, height = image.size
    dx, dy = width // 12, height // 12
    spots = ((dx, dy), (width - dx, dy), (dx, height - dy), (width - dx, height - dy))
    first, second, third, fourth = (colour_name(image, spot) for spot in spots)
    return first, second, third, fourth


def colour_name(image: Image.Image, spot: tuple[int, int]) -> str:
    """The nearest of the four colours of the test picture."""
    pixel = image.getpixel(spot)
    assert isinstance(pixel, tuple)
    red, green, blue = pixel
    strongest = max(red, green, blue, 1)
    has_red, has_green, has_blue = (value > strongest * 0.6 for value in (red, green, blue))
    names = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 0): "yellow"}
    return names.get((int(has_red), int(has_green), int(has_blue)), f"{pixel}")


def key_times(path: Path) -> list[Fraction]:
    """Times of the key frames, straight from the fragments, in seconds."""
    with PieceReader(path) as reader:
        return [
            Fraction(piece.fragment.start, reader.beginning.track.timescale)
            for piece in reader.pieces()
            if piece.fragment.is_key
        ]
