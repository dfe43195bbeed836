"""What the `moov` of a one-track fragmented MP4 says: timescale, size, codec string."""

from dataclasses import dataclass
from typing import Final

from app.media.boxes import Box, Fields, child, children, malformed, optional_child

VISUAL_ENTRY: Final = 78
"""Bytes of a VisualSampleEntry before its boxes."""
AUDIO_ENTRY: Final = 28
"""Bytes of an AudioSampleEntry before its boxes."""
AAC_RATES: Final = (
    *(96000, 88200, 64000, 48000, 44100, 32000, 24000),
    *(22050, 16000, 12000, 11025, 8000, 7350),
)
KINDS: Final = {b"vide": "video", b"soun": "audio"}


@dataclass(frozen=True, slots=True)
class Track:
    """The one track of a rendition."""

    kind: str
    timescale: int
    codecs: str
    """RFC 6381."""
    description: bytes
    """The decoder's set-up; files can only be joined when it is equal."""
    width: int
    height: int
    channels: int
    sample_rate: int
    default_duration: int
    default_size: int
    default_flags: int


def read_track(moov: bytes) -> Track:
    """Read a whole `moov` box. Raises MediaError BAD_PACKAGE."""
    root = next(children(moov, 0, len(moov)), None)
    if root is None or root.kind != b"moov":
        malformed("no moov")
    traks = [box for box in children(moov, root.body, root.end) if box.kind == b"trak"]
    if len(traks) != 1:
        malformed(f"{len(traks)} tracks instead of one")
    mdia = child(moov, traks[0], b"mdia")
    handler = Fields(moov, child(moov, mdia, b"hdlr"))
    handler.skip(8)
    kind = KINDS.get(handler.take(4), "")
    stbl = child(moov, child(moov, mdia, b"minf"), b"stbl")
    stsd = child(moov, stbl, b"stsd")
    entry = next(children(moov, min(stsd.body + 8, stsd.end), stsd.end), None)
    if entry is None or not kind:
        malformed("neither picture nor sound")
    width, height, channels, rate = 0, 0, 0, 0
    if kind == "video":
        fields = Fields(moov, entry)
        fields.skip(24)
        width, height = fields.number(2), fields.number(2)
        codecs, description = _video_codec(moov, entry)
    else:
        codecs, description = _audio_codec(moov, entry)
        channels, rate = _aac_layout(description)
    duration, size, flags = _defaults(moov, root)
    return Track(
        kind=kind,
        timescale=_timescale(moov, mdia),
        codecs=codecs,
        description=description,
        width=width,
        height=height,
        channels=channels,
        sample_rate=rate,
        default_duration=duration,
        default_size=size,
        default_flags=flags,
    )


def _timescale(moov: bytes, mdia: Box) -> int:
    fields = Fields(moov, child(moov, mdia, b"mdhd"))
    version, _ = fields.version_and_flags()
    fields.skip(16 if version else 8)
    timescale = fields.number(4)
    if not timescale:
        malformed("a timescale of zero")
    return timescale


def _defaults(moov: bytes, root: Box) -> tuple[int, int, int]:
    fields = Fields(moov, child(moov, child(moov, root, b"mvex"), b"trex"))
    fields.skip(12)
    return fields.number(4), fields.number(4), fields.number(4)


def _video_codec(moov: bytes, entry: Box) -> tuple[str, bytes]:
    avcc = optional_child(moov, entry, b"avcC", skip=VISUAL_ENTRY)
    if avcc is not None:
        description = moov[avcc.body : avcc.end]
        if len(description) < 4:
            malformed("avcC is too short")
        return f"{entry.kind.decode('latin-1')}.{description[1:4].hex()}", description
    av1c = optional_child(moov, entry, b"av1C", skip=VISUAL_ENTRY)
    if av1c is None:
        malformed(f"unknown codec {entry.kind!r}")
    description = moov[av1c.body : av1c.end]
    if len(description) < 4:
        malformed("av1C is too short")
    return _av1_codec(description), description


def _av1_codec(description: bytes) -> str:
    """As the AV1 binding to ISO files, section 5, has it: `av01.0.04M.08`."""
    profile, level = description[1] >> 5, description[1] & 31
    tier = "H" if description[2] & 0x80 else "M"
    is_high, is_twelve = bool(description[2] & 0x40), bool(description[2] & 0x20)
    depth = (12 if is_twelve else 10) if is_high else 8
    return f"av01.{profile}.{level:02d}{tier}.{depth:02d}"


def _audio_codec(moov: bytes, entry: Box) -> tuple[str, bytes]:
    esds = optional_child(moov, entry, b"esds", skip=AUDIO_ENTRY)
    if esds is None:
        malformed(f"unknown codec {entry.kind!r}")
    fields = Fields(moov, esds)
    fields.skip(4)
    _descriptor(fields, 3)
    fields.skip(2)
    if fields.number(1) & 0xE0:
        malformed("an esds with options we never write")
    _descriptor(fields, 4)
    kind = fields.number(1)
    fields.skip(12)
    length = _descriptor(fields, 5)
    description = fields.take(length)
    if kind != 0x40 or not description:
        malformed(f"sound of kind {kind:#x} is not AAC")
    object_type = description[0] >> 3
    return f"mp4a.40.{object_type}", description


def _aac_layout(description: bytes) -> tuple[int, int]:
    """Channels and sample rate of an AudioSpecificConfig; the sample entry's own often lie."""
    bits = int.from_bytes(description[:2].ljust(2, b"\0"), "big")
    rate, channels = bits >> 7 & 15, bits >> 3 & 15
    if rate >= len(AAC_RATES):
        malformed("AAC of an unusual sample rate")
    return channels, AAC_RATES[rate]


def _descriptor(fields: Fields, tag: int) -> int:
    """Enter an MPEG-4 descriptor; give its length."""
    if fields.number(1) != tag:
        malformed(f"no descriptor {tag} in esds")
    length = 0
    for _ in range(4):
        byte = fields.number(1)
        length = length << 7 | byte & 0x7F
        if not byte & 0x80:
            break
    return length
