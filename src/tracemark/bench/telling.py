"""The measurement for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from tracemark.bench.measuring import Bench


def tell_bench(bench: Bench) -> list[Table | str]:
    """Put a measurement into words and a table.

    Parameters
    ----------
    bench : Bench

    Returns
    -------
    list of rich.table.Table or str
    """
    times = Table(title_justify="left")
    times.add_column("one core, ms a frame")
    times.add_column("median", justify="right")
    times.add_column("p99", justify="right")
    for name, taken in (
        ("copy of the planes, a viewer", bench.copy),
        ("mark, a viewer", bench.mark),
        ("mark all at once, a viewer", bench.at_once),
        *([("mark without the viewer's overlays", bench.bare)] if bench.bare else []),
        ("prepare, once for all", bench.prepare),
        ("prepare and mark: latency added", bench.latency),
        ("encode, a viewer", bench.encode),
        ("end to end, one viewer", bench.end_to_end),
    ):
        times.add_row(name, f"{taken.median:.3f}", f"{taken.p99:.3f}")
    beside = (bench.viewer_bytes - bench.plane_bytes) / 1024
    shape = f"{bench.width}x{bench.height} {bench.format}, {bench.frame_rate:.3g} frames/s"
    marked = "" if bench.chroma == "marked" else f", chroma {bench.chroma} and unmarked"
    alone, encoded = bench.viewers_per_core, bench.encoded_viewers_per_core
    share, together = bench.core_share, bench.core_share_at_once
    return [
        f"{bench.clip}: {shape}; {bench.frames} frames, {bench.viewers} viewers{marked}",
        times,
        f"mark takes {bench.mark_over_copy:.2f} copies of the planes",
        *([f"overlays add {bench.overlays:.3f} ms a viewer; what all have is drawn in prepare"] if bench.bare else []),
        f"viewers a core    {alone:.0f} marking only, {encoded:.1f} encoding, too",
        f"{bench.viewers} viewers    {share:.1%} of a core for marking, {together:.1%} all at once",
        f"memory a viewer   {bench.viewer_bytes / 2**20:.2f} MiB: marked planes, and {beside:.0f} KiB beside",
        f"tracemark's share {bench.share:.1%} of marking and encoding ({bench.encoder})",
    ]
