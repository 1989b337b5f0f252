"""What the scripts that run for hours share: processes, a bar that moves, the choice of a part, and how it was made."""

from __future__ import annotations

import os
import platform
import shlex
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

import cv2

import tracemark
from benchmarks import ffmpeg
from tracemark import cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.progress import Progress

    from benchmarks.workshop import Workshop

LIBRARIES = ("numpy", "opencv-python-headless", "numba", "av")

Job = TypeVar("Job")
Result = TypeVar("Result")


class Runner:
    """Runs independent jobs, on several processes if asked, and shows how far it is.

    Parameters
    ----------
    workshop : Workshop
    jobs : int
        Processes; 1 runs everything in this one.
    progress : Progress
    """

    def __init__(self, workshop: Workshop, jobs: int, progress: Progress) -> None:
        self._workshop = workshop
        self._jobs = jobs
        self._progress = progress

    def run(self, text: str, work: Callable[[Workshop, Job], Result], jobs: Sequence[Job]) -> list[Result]:
        """Do the work for every job; results come in the jobs' order."""
        bar = self._progress.add_task(text, total=len(jobs))
        if self._jobs == 1:
            results = []
            for job in jobs:
                results.append(work(self._workshop, job))
                self._progress.advance(bar)
            return results
        # Read when a process begins: numpy's threads and those of the other processes would wait for each other.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        # Spawned, because forks of a process that has run OpenCV's threads may hang.
        with ProcessPoolExecutor(self._jobs, get_context("spawn"), initializer=_one_thread) as pool:
            futures = [pool.submit(work, self._workshop, job) for job in jobs]
            try:
                for future in as_completed(futures):
                    future.result()
                    self._progress.advance(bar)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            return [future.result() for future in futures]


def _one_thread() -> None:
    """Keep processes that share the cores from starting as many threads each."""
    cv2.setNumThreads(1)
    cores.limit(1)


def how_made(module: str, given: Sequence[str]) -> dict[str, str]:
    """Say with what a report was made: the script's module, its arguments, versions and the machine."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return {
        "command": shlex.join(["python", "-m", module, *given]),
        "tracemark": tracemark.__version__,
        "ffmpeg": f"{ffmpeg.version()} (imageio-ffmpeg {version('imageio-ffmpeg')})",
        "libraries": f"Python {platform.python_version()}, {libraries}",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
    }


def chosen(name: str, asked: Sequence[str]) -> bool:
    """Whether a name holds any of the parts asked for, in small letters or capitals; no parts ask for everything."""
    return not asked or any(part.lower() in name.lower() for part in asked)
