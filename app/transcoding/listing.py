"""The playlists of a plan as texts by file name: the growing ones, and those of the whole."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from app.media import dash, playlists
from app.media.package import Rendition, segment_hashes
from app.media.plan import Rung
from app.media.playlists import AudioVariant, Variant
from app.transcoding.files import StoredFile
from app.transcoding.snapshot import Snapshot, Sound


@dataclass(frozen=True, slots=True)
class Listing:
    """Playlists by file name, and which of them a player begins with."""

    texts: dict[str, str]
    master: str
    dash: str | None = None
    sha256: str | None = None


def growing(snapshot: Snapshot, chunks: Sequence[Mapping[str, StoredFile]]) -> Listing:
    """What can be played of a plan that is under way, from the files of the chunks in order.

    A copied picture is whole already. Else every rung has an EVENT playlist of the chunks that it
    has without a gap, which only ever gets longer; so has the sound. A rung that does not have the
    first chunk yet is left out.
    """
    names = snapshot.names
    if snapshot.copied is not None:
        top = _rung(snapshot, snapshot.plan.copied)
        return _whole(snapshot, {top.name: snapshot.copied}, master=names.other("first.m3u8"))
    target = math.ceil(snapshot.plan.segment_seconds)
    texts: dict[str, str] = {}
    variants = []
    for rung in snapshot.plan.encoded:
        files = _without_gap(chunks, rung.name)
        if not files:
            continue
        name = names.growing(rung.name)
        texts[name] = playlists.event_playlist(
            _pieces(files),
            target_seconds=target,
            is_complete=len(files) == len(snapshot.plan.chunks),
        )
        beginning = files[0]
        variants.append(
            Variant(
                uri=name,
                media_uri=beginning.filename,
                rendition=beginning.index,
                bandwidth=max(rung.max_bitrate, beginning.index.bandwidth),
            )
        )
    sounds = []
    for sound in snapshot.sounds:
        name = names.growing(sound.track.name)
        files = [*sound.parts, *_rest(sound)]
        texts[name] = playlists.event_playlist(
            _pieces(files), target_seconds=target, is_complete=sound.file is not None
        )
        sounds.append(_audio_variant(sound, files[0], uri=name))
    master = names.other("first.m3u8")
    texts[master] = playlists.master_playlist(variants, sounds)
    return Listing(texts, master)


def complete(snapshot: Snapshot, joined: Mapping[str, StoredFile]) -> Listing:
    """The playlists of the whole video: `joined` has the finished file of each encoded rung."""
    files = dict(joined)
    if snapshot.copied is not None:
        files[_rung(snapshot, snapshot.plan.copied).name] = snapshot.copied
    return _whole(snapshot, files, master=snapshot.names.other("master.m3u8"), with_extras=True)


def _whole(
    snapshot: Snapshot,
    files: Mapping[str, StoredFile],
    *,
    master: str,
    with_extras: bool = False,
) -> Listing:
    names, texts = snapshot.names, {}
    variants = []
    for rung in snapshot.plan.rungs:
        if (file := files.get(rung.name)) is None:
            continue
        playlist, iframes = names.playlist(rung.name), names.iframes(rung.name)
        texts[playlist] = playlists.media_playlist(file.index, file.filename)
        if file.index.keyframes:
            texts[iframes] = playlists.iframe_playlist(file.index, file.filename)
        variants.append(
            Variant(
                uri=playlist,
                media_uri=file.filename,
                rendition=file.index,
                iframes_uri=iframes if file.index.keyframes else None,
            )
        )
    sounds = []
    for sound in snapshot.sounds:
        if sound.file is not None:
            playlist = names.playlist(sound.track.name)
            texts[playlist] = playlists.media_playlist(sound.file.index, sound.file.filename)
            sounds.append(_audio_variant(sound, sound.file, uri=playlist))
    texts[master] = playlists.master_playlist(variants, sounds)
    if not with_extras:
        return Listing(texts, master)
    manifest, hashes = names.other("manifest.mpd"), names.other("segments-sha256.json")
    texts[manifest] = dash.manifest(variants, sounds)
    everything = [*files.values(), *(sound.file for sound in snapshot.sounds if sound.file)]
    texts[hashes] = json.dumps({file.filename: segment_hashes(file.index) for file in everything})
    return Listing(texts, master, manifest, hashes)


def _rest(sound: Sound) -> list[StoredFile]:
    """What follows the published parts of a sound track: the rest of the whole file."""
    if sound.file is None:
        return []
    published = sum(len(part.index.segments) for part in sound.parts)
    segments = sound.file.index.segments[published:]
    return [replace(sound.file, index=replace(sound.file.index, segments=segments))]


def _audio_variant(sound: Sound, file: StoredFile, *, uri: str) -> AudioVariant:
    return AudioVariant(
        uri=uri,
        media_uri=file.filename,
        rendition=file.index,
        label=sound.track.label,
        language=sound.track.language,
        is_default=sound.track.is_default,
    )


def _without_gap(chunks: Sequence[Mapping[str, StoredFile]], rung: str) -> list[StoredFile]:
    return [chunk[rung] for chunk in takewhile(lambda each: rung in each, chunks)]


def _pieces(files: Sequence[StoredFile]) -> list[tuple[str, Rendition]]:
    return [(file.filename, file.index) for file in files]


def _rung(snapshot: Snapshot, rung: Rung | None) -> Rung:
    if rung is None:
        raise LookupError(f"the plan of video {snapshot.video_id} copies nothing")
    return rung
