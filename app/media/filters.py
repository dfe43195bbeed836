"""The filter graph of a chunk: from the source's frames to every rung's, each computed once."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from app.media.encoders import PROFILES
from app.media.plan import Chunk, Plan, Rung, Source
from app.media.probe import assumed_matrix

HDR_TRANSFERS: Final = frozenset({"smpte2084", "arib-std-b67"})
KNOWN_MATRICES: Final = frozenset({"bt709", "smpte170m", "bt470bg", "bt2020nc"})
TURNS: Final = {
    90: ("transpose=clock",),
    180: ("hflip", "vflip"),
    270: ("transpose=cclock",),
}


def table_name(chunk: Chunk, rungs: Sequence[Rung]) -> str:
    """The file of the HDR table in the folder where ffmpeg runs; no two runs share one."""
    return f"tonemap-{rungs[0].name}-{chunk.index:04d}.cube"


def graph(plan: Plan, chunk: Chunk, rungs: Sequence[Rung]) -> tuple[str, list[str]]:
    """Give the filter graph and the label of each rung's output, in the order of `rungs`.

    Each rung is scaled from the next larger one: half the work of scaling each from the source, and
    measured no worse.
    """
    ordered = sorted(rungs, key=lambda rung: (-rung.width * rung.height, rung.step))
    prepared = _prepared(plan, chunk, ordered[0], table_name(chunk, rungs))
    chains = [f"[0:{plan.source.stream}]{','.join(prepared)}"]
    labels: dict[str, str] = {}
    previous: Rung | None = None
    step = 1
    for number, rung in enumerate(ordered):
        is_last = number == len(ordered) - 1
        steps = [f"framestep={rung.step // step}"] if rung.step > step else []
        steps += [] if previous is None else _scaled_down(previous, rung)
        chain = chains.pop() + "".join(f",{step}" for step in steps)
        labels[rung.name] = f"[out{number}]"
        finish = ",".join(_finished(rung))
        if is_last:
            chains.append(f"{chain},{finish}{labels[rung.name]}")
        else:
            chains += [f"{chain},split[mine{number}][next{number}]"]
            chains += [f"[mine{number}]{finish}{labels[rung.name]}", f"[next{number}]null"]
        previous, step = rung, rung.step
    return ";".join(chains), [labels[rung.name] for rung in rungs]


def _prepared(plan: Plan, chunk: Chunk, largest: Rung, table: str) -> list[str]:
    """From decoded frames to upright, square, progressive SDR frames of the largest rung's size."""
    return [
        *on_the_time_line(plan, chunk),
        *_turned(plan.source),
        *_scaled(plan.source, largest, table),
        *_tagged(plan.source),
    ]


def on_the_time_line(plan: Plan, chunk: Chunk) -> list[str]:
    """Filters that give exactly the chunk's frames, whatever the source's times are.

    The source's clock is turned into frame numbers by whole-number arithmetic that does not depend
    on where the chunk begins, so chunks show the frames that one long run would. The first `fps`
    repeats and drops frames, `tpad` repeats the last one for ever (also where the picture ended
    before the chunk began), the second `fps` begins at the chunk's first frame.
    """
    source = plan.source
    rate, unit = _ratio(plan.fps), _ratio(1 / plan.fps)
    if plan.is_still:
        return [f"fps={rate}:start_time=0", f"trim=end_frame={chunk.frames}"]
    waits = round((source.first_frame - source.start) * plan.fps)
    deinterlaced = ["bwdif=mode=send_frame:parity=auto:deint=all"] if source.is_interlaced else []
    return [
        f"setpts=PTS-round({_decimal(source.first_frame)}/TB)",
        *deinterlaced,
        f"settb={unit}",
        f"setpts=PTS+{waits - chunk.first}",
        f"fps={rate}:round=near",
        "tpad=stop=-1:stop_mode=clone",
        f"fps={rate}:start_time=0",
        f"trim=end_frame={chunk.frames}",
    ]


def _turned(source: Source) -> list[str]:
    mirrored = ["hflip"] if source.is_mirrored else []
    return [*TURNS.get(source.rotation, ()), *mirrored]


def _scaled(source: Source, rung: Rung, table: str) -> list[str]:
    size = f"scale=w={rung.width}:h={rung.height}:flags=bicubic"
    if source.transfer in HDR_TRANSFERS:
        return [
            f"{size}:in_color_matrix=bt2020",
            "format=gbrp10le",
            f"lut3d=file={table}:interp=tetrahedral",
            "scale=out_color_matrix=bt709:out_range=tv",
            "format=yuv420p",
            "setsar=1",
        ]
    matrix = matrix_of(source)
    name = "bt601" if matrix in ("smpte170m", "bt470bg") else matrix.removesuffix("nc")
    # swscale takes an untagged picture for BT.601, whatever its size: its colours would be changed
    assumed = f":in_color_matrix={name}" if source.matrix == "unknown" else ""
    return [f"{size}{assumed}:out_color_matrix={name}:out_range=tv", "format=yuv420p", "setsar=1"]


def _tagged(source: Source) -> list[str]:
    """Say what the colours are, so that all rungs look alike in players that guess by size."""
    matrix = matrix_of(source)
    usual = {"bt2020nc": ("bt2020", "bt2020-10")}.get(matrix, (matrix, matrix))
    primaries, transfer = (
        known if known != "unknown" and source.transfer not in HDR_TRANSFERS else assumed
        for known, assumed in zip((source.primaries, source.transfer), usual, strict=True)
    )
    return [
        f"setparams=range=tv:colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}"
    ]


def matrix_of(source: Source) -> str:
    """The matrix of what we make: the source's where players know it, else by the usual rule."""
    if source.transfer in HDR_TRANSFERS:
        return "bt709"
    if source.matrix in KNOWN_MATRICES:
        return source.matrix
    return "bt709" if source.matrix == "gbr" else assumed_matrix(source.width, source.height)


def _scaled_down(larger: Rung, rung: Rung) -> list[str]:
    if (larger.width, larger.height) == (rung.width, rung.height):
        return []
    # what rounding to even sizes did to the shape must not depend on which rungs share a run
    return [f"scale=w={rung.width}:h={rung.height}:flags=bicubic", "setsar=1"]


def _finished(rung: Rung) -> list[str]:
    return [f"settb={_ratio(1 / rung.fps)}", "setpts=N", PROFILES[rung.encoder or ""].upload]


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _decimal(seconds: Fraction) -> str:
    """Twelve digits: a tick of any container's clock is longer than a nanosecond."""
    return f"{float(seconds):.12f}"
