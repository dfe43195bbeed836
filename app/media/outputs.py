"""What all output files of ours have in common."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FRAGMENTED: Final = "frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+skip_trailer"
"""One fragment per group of pictures; times of B-frames without an edit list, which browsers
ignore.
"""
NO_EXTRAS: Final = (
    *("-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"),
)


@contextlib.contextmanager
def removed_on_error(*files: Path) -> Iterator[None]:
    """Leave no half-made file behind."""
    try:
        yield
    except BaseException:
        for file in files:
            file.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def removed_after(file: Path) -> Iterator[None]:
    """Leave no file behind that was needed only meanwhile."""
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
