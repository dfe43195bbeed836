"""The DASH manifest over the same files, as text."""

from collections.abc import Sequence

from app.media.playlists import AudioVariant, Variant


def manifest(variants: Sequence[Variant], audio: Sequence[AudioVariant] = ()) -> str:
    """A static MPD with a SegmentList per representation, by byte ranges of the `media_uri`s."""
    raise NotImplementedError
