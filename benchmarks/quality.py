"""How far a marked clip is from its host, as a viewer and as a meter would say.

One pass over the frames of both clips, in order, without gaps: VMAF on consecutive frames by libvmaf, PSNR over luma
and over RGB, CIEDE2000, and the size of the mark where the host is smooth, which is where people see it first.

    python -m benchmarks.quality host.mp4 marked.mkv
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import chain, zip_longest
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self, TypeVar, cast

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks import ffmpeg
from tracemark.errors import TracemarkError
from tracemark.signal.colour import ciede2000, lab

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

VMAF_MODEL = "vmaf_v0.6.1"
BLOCK = 8
"""Edge of a luma block in which smoothness is judged, in pixels."""
SMOOTH_STD = 2.0
"""A block is smooth when the host's standard deviation in it is under this many 8-bit levels."""
COLOUR_FRAME_STEP = 5
"""CIEDE2000 looks at every fifth frame, ..."""
COLOUR_PIXEL_STEP = 3
"""... and there at every third pixel of every third row: picked, not averaged, so that no grain is smoothed away."""

UNSPECIFIED_MATRIX, UNSPECIFIED_RANGE = 2, 0
"""Values of ffmpeg's AVColorSpace and AVColorRange for "nobody said"."""

Level = TypeVar("Level", np.uint8, np.int16)
Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class Quality:
    """Distance of a marked clip from its host.

    Attributes
    ----------
    vmaf : float
        Mean VMAF of the marked clip against the host, 0 to 100.
    vmaf_host : float
        The same of the host against itself: the best this clip can get.
    vmaf_worst : float
        VMAF of the marked clip's worst frame.
    psnr_y, psnr_rgb : float
        In dB, from the mean squared error over all frames; infinite for equal clips.
    ciede2000 : float
        Mean colour difference.
    smooth_rms : float
        Root mean square of marked minus host, in luma levels, over the smooth blocks of the host; nan if it has none.
    smooth_rms_cb, smooth_rms_cr : float
        The same in the two chroma planes, over the same blocks.
    smooth_share : float
        Share of the host's blocks that are smooth, 0 to 1.
    frames : int
        Number of frames compared.
    """

    vmaf: float
    vmaf_host: float
    vmaf_worst: float
    psnr_y: float
    psnr_rgb: float
    ciede2000: float
    smooth_rms: float
    smooth_rms_cb: float
    smooth_rms_cr: float
    smooth_share: float
    frames: int

    @property
    def vmaf_drop(self) -> float:
        """Points of VMAF that the mark costs: host against itself, less marked against host."""
        return self.vmaf_host - self.vmaf


class ClipsDifferError(TracemarkError):
    """The two clips have different sizes or numbers of frames, so that no frame has a counterpart."""


class Vmaf:
    """VMAF of consecutive frames, computed by libvmaf while the frames are pushed.

    Both clips go through one pipe in turns (host, marked, host, marked, ...) and are told apart by parity inside
    ffmpeg, so that odd sizes need no padding and no picture is written to disk.

    Parameters
    ----------
    width, height : int
        Size of the luma, in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vmaf-")
        self._log = Path(self._folder.name, "vmaf.json")
        self._talk = Path(self._folder.name, "stderr.txt")
        graph = (
            "[0:v]split[a][b];"
            "[a]select='not(mod(n,2))',setpts=N/25/TB[host];[b]select='mod(n,2)',setpts=N/25/TB[marked];"
            f"[marked][host]libvmaf=model=version={VMAF_MODEL}:n_threads={ffmpeg.THREADS}"
            f":log_fmt=json:log_path={self._log.name}[out]"
        )
        source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-r", "50", "-i", "pipe:0"]
        arguments = [*source, "-filter_complex", graph, "-map", "[out]", "-f", "null", "-"]
        with self._talk.open("wb") as talk:
            self._process = subprocess.Popen(
                ffmpeg.command(arguments), stdin=subprocess.PIPE, stderr=talk, cwd=self._folder.name
            )
        self._pipe = cast("IO[bytes]", self._process.stdin)

    def __enter__(self) -> Self:
        """Return itself; ffmpeg runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End ffmpeg, whatever happened, and remove its files."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._pipe.close()
        self._process.wait()
        self._folder.cleanup()

    def push(self, host: Planes, marked: Planes) -> None:
        """Hand over one frame of each clip."""
        try:
            for plane in (*host, *marked):
                self._pipe.write(np.ascontiguousarray(plane).data)
        except BrokenPipeError:
            raise ffmpeg.failure(self._talk.read_text(errors="replace")) from None

    def scores(self) -> NDArray[np.float64]:
        """VMAF of every frame pushed, shape (frames,); ends the measurement."""
        self._process.communicate()
        if self._process.returncode or not self._log.exists():
            raise ffmpeg.failure(self._talk.read_text(errors="replace"))
        return np.array([frame["metrics"]["vmaf"] for frame in json.loads(self._log.read_text())["frames"]])


class _Distance:
    """Running sums of everything but VMAF over pairs of frames."""

    def __init__(self) -> None:
        self.frames = 0
        self.luma = _MeanSquare()
        self.rgb = _MeanSquare()
        self.smooth = (_MeanSquare(), _MeanSquare(), _MeanSquare())
        self._blocks = 0
        self._smooth_blocks = 0
        self._colour_sum = 0.0
        self._colour_count = 0

    @property
    def smooth_share(self) -> float:
        return self._smooth_blocks / self._blocks if self._blocks else math.nan

    @property
    def ciede2000(self) -> float:
        return self._colour_sum / self._colour_count if self._colour_count else math.nan

    def add(self, host: av.VideoFrame, marked: av.VideoFrame) -> tuple[Planes, Planes]:
        """Add one pair of yuv420p frames; return their planes."""
        host_planes, marked_planes = planes(host), planes(marked)
        self.luma.add(_difference(host_planes[0], marked_planes[0]))
        self._add_smooth(host_planes, marked_planes)
        host_rgb, marked_rgb = rgb(host), rgb(marked)
        self.rgb.add(_difference(host_rgb, marked_rgb))
        if self.frames % COLOUR_FRAME_STEP == 0:
            picked = slice(None, None, COLOUR_PIXEL_STEP)
            colour = ciede2000(lab(host_rgb[picked, picked]), lab(marked_rgb[picked, picked]))
            self._colour_sum += float(colour.sum(dtype=np.float64))
            self._colour_count += colour.size
        self.frames += 1
        return host_planes, marked_planes

    def _add_smooth(self, host: Planes, marked: Planes) -> None:
        smooth = smooth_blocks(host[0])
        self._blocks += smooth.size
        self._smooth_blocks += int(smooth.sum())
        for total, ours, theirs, edge in zip(self.smooth, host, marked, (BLOCK, BLOCK // 2, BLOCK // 2), strict=True):
            # Where (rows, columns) of blocks is True; the two axes inside the block come last.
            difference = _blocks(_difference(ours, theirs), edge).transpose(0, 2, 1, 3)
            total.add(difference[smooth])


class _MeanSquare:
    """Mean square of all numbers added."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._count = 0

    def add(self, values: NDArray[np.int16]) -> None:
        flat = values.ravel().astype(np.float32)
        self._sum += float(flat @ flat)
        self._count += flat.size

    def rms(self) -> float:
        return math.sqrt(self._sum / self._count) if self._count else math.nan

    def psnr(self) -> float:
        rms = self.rms()
        return 20 * math.log10(255 / rms) if rms else math.inf


def planes(frame: av.VideoFrame) -> Planes:
    """Y, Cb and Cr of a yuv420p frame without its padding, of any size, odd ones included.

    Returns
    -------
    tuple of three ndarrays of uint8
        Shapes (h, w), (ceil(h/2), ceil(w/2)) and again (ceil(h/2), ceil(w/2)).
    """
    y, cb, cr = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    )
    return y, cb, cr


def rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Convert a frame to RGB by its own matrix and range, shape (height, width, 3)."""
    return np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


def smooth_blocks(luma: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which whole 8x8 blocks of a luma plane are smooth, shape (height // 8, width // 8)."""
    return np.asarray(_blocks(luma, BLOCK).std(axis=(1, 3), dtype=np.float32) < SMOOTH_STD)


def measure(host: str | Path, marked: str | Path) -> Quality:
    """Compare two files frame by frame.

    Parameters
    ----------
    host, marked : path
        Files with the same number of frames of the same size. Formats other than 8-bit 4:2:0 are converted to it.

    Raises
    ------
    ClipsDifferError
        If a frame of one has no counterpart in the other.
    """
    return _compare(read(host), read(marked), _vmaf_of_itself(Path(host).resolve()))


def measure_frames(
    host: Iterable[NDArray[np.uint8]],
    marked: Iterable[NDArray[np.uint8]],
    *,
    vmaf_host: float = math.nan,
    colorspace: int = UNSPECIFIED_MATRIX,
    color_range: int = UNSPECIFIED_RANGE,
) -> Quality:
    """Compare two sequences of frames held in memory.

    Parameters
    ----------
    host, marked : iterable of ndarray of uint8, shape (3 * height / 2, width)
        yuv420p pictures as `av.VideoFrame.to_ndarray` gives them.
    vmaf_host : float
        What `vmaf_of_itself` said about the host before; nan leaves `Quality.vmaf_host` open.
    colorspace, color_range : int
        Matrix and range of both as in `av.VideoFrame`; unspecified means BT.601 and limited range, as in ffmpeg.

    Raises
    ------
    ClipsDifferError
        If a frame of one has no counterpart in the other.
    """

    def frames(arrays: Iterable[NDArray[np.uint8]]) -> Iterator[av.VideoFrame]:
        for array in arrays:
            frame = av.VideoFrame.from_ndarray(array, format="yuv420p")
            frame.colorspace, frame.color_range = colorspace, color_range
            yield frame

    return _compare(frames(host), frames(marked), vmaf_host)


def vmaf_of_itself(host: Iterable[av.VideoFrame]) -> float:
    """Mean VMAF of a clip of yuv420p frames against itself, which is less than 100 where little moves."""
    frames = iter(host)
    first = next(frames, None)
    if first is None:
        raise ClipsDifferError("the clip has no frames")
    with Vmaf(first.width, first.height) as meter:
        for frame in chain([first], frames):
            both = planes(frame)
            meter.push(both, both)
        return float(meter.scores().mean())


@lru_cache(maxsize=64)
def _vmaf_of_itself(path: Path) -> float:
    return vmaf_of_itself(read(path))


def read(path: str | Path) -> Iterator[av.VideoFrame]:
    """Frames of the first video stream of a file, as yuv420p with their matrix and range."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count = ffmpeg.THREADS
        for frame in container.decode(stream):
            yield frame if frame.format.name in ("yuv420p", "yuvj420p") else frame.reformat(format="yuv420p")


def _compare(host: Iterable[av.VideoFrame], marked: Iterable[av.VideoFrame], vmaf_host: float) -> Quality:
    distance = _Distance()
    pairs = zip_longest(host, marked)
    first = next(pairs, None)
    if first is None:
        raise ClipsDifferError("the clips have no frames")
    with Vmaf(*common_size(*first)) as vmaf:
        for ours, theirs in chain([first], pairs):
            common_size(ours, theirs)
            vmaf.push(*distance.add(ours, theirs))
        scores = vmaf.scores()
    return Quality(
        vmaf=float(scores.mean()),
        vmaf_host=vmaf_host,
        vmaf_worst=float(scores.min()),
        psnr_y=distance.luma.psnr(),
        psnr_rgb=distance.rgb.psnr(),
        ciede2000=distance.ciede2000,
        smooth_rms=distance.smooth[0].rms(),
        smooth_rms_cb=distance.smooth[1].rms(),
        smooth_rms_cr=distance.smooth[2].rms(),
        smooth_share=distance.smooth_share,
        frames=distance.frames,
    )


def common_size(host: av.VideoFrame | None, marked: av.VideoFrame | None) -> tuple[int, int]:
    """Width and height in pixels of a frame and its counterpart.

    Raises
    ------
    ClipsDifferError
        If one is missing or they differ in size.
    """
    if host is None or marked is None:
        raise ClipsDifferError("one clip has more frames than the other")
    if (host.width, host.height) != (marked.width, marked.height):
        raise ClipsDifferError(f"{host.width}x{host.height} cannot be compared with {marked.width}x{marked.height}")
    return host.width, host.height


def _difference(host: NDArray[np.uint8], marked: NDArray[np.uint8]) -> NDArray[np.int16]:
    return np.subtract(marked, host, dtype=np.int16)


def _blocks(plane: NDArray[Level], edge: int) -> NDArray[Level]:
    """Cut a plane into whole blocks: shape (rows, edge, columns, edge)."""
    rows, columns = plane.shape[0] // edge, plane.shape[1] // edge
    return plane[: rows * edge, : columns * edge].reshape(rows, edge, columns, edge)


def main() -> None:
    """Print the distance of two files as JSON."""
    if len(sys.argv) != 3:
        raise SystemExit("usage: python -m benchmarks.quality HOST MARKED")
    quality = measure(sys.argv[1], sys.argv[2])
    print(json.dumps(asdict(quality) | {"vmaf_drop": quality.vmaf_drop}, indent=1))


if __name__ == "__main__":
    main()
