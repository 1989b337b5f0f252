"""Overlays on marked frames: logos that everybody has are drawn once, all else on each viewer's own copy."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING
from weakref import finalize

from tracemark.errors import OverlayError
from tracemark.overlay import Logo
from tracemark.overlay.stamp import Canvas

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from tracemark.frames import Frame, Plane
    from tracemark.geometry import Geometry
    from tracemark.keys import Key
    from tracemark.overlay import Overlay
    from tracemark.overlay.code import CodeLayer
    from tracemark.overlay.logo import LogoLayer
    from tracemark.overlay.stamp import Placed
    from tracemark.payload import Payload


@dataclass(frozen=True)
class Scenery:
    """What overlays have to know of a prepared frame.

    Attributes
    ----------
    canvas : Canvas
    time : Fraction or float
        Presentation time in seconds.
    drawn : tuple of LogoLayer
        Those that are in every version of the frame already.
    luma : ndarray
        First plane of the frame, which logos' edges are chosen by.
    """

    canvas: Canvas
    time: Fraction | float
    drawn: tuple[LogoLayer, ...]
    luma: Plane = field(repr=False)


@dataclass(frozen=True)
class Covers:
    """The overlays of one viewer.

    Attributes
    ----------
    tailor : Tailor
    logos : tuple of LogoLayer
    codes : tuple of CodeLayer
    """

    tailor: Tailor
    logos: tuple[LogoLayer, ...] = ()
    codes: tuple[CodeLayer, ...] = ()

    def own(self, scenery: Scenery) -> list[LogoLayer | CodeLayer]:
        """Say what has to be drawn on the viewer's copy of a frame, because it is not in it yet.

        Parameters
        ----------
        scenery : Scenery

        Returns
        -------
        list of LogoLayer or CodeLayer
        """
        return [*(logo for logo in self.logos if logo not in scenery.drawn), *self.codes]

    def draw(self, scenery: Scenery, planes: Sequence[Plane]) -> None:
        """Draw on the viewer's copy of a frame whatever is not in it yet.

        Parameters
        ----------
        scenery : Scenery
        planes : sequence of ndarray
            Of the copy.
        """
        for layer in self.own(scenery):
            for stamp in self.tailor.placed(layer, scenery.canvas, scenery.time, scenery.luma):
                stamp.blend(planes)


class Tailor:
    """Fits overlays into frames, and knows what happens where one does not.

    Parameters
    ----------
    required : bool
        Whether that is an error; if not, it is left out and counted.

    Attributes
    ----------
    left_out : int
    """

    def __init__(self, *, required: bool) -> None:
        self.left_out = 0
        self._required = required
        self._lock = Lock()

    def placed(
        self, layer: LogoLayer | CodeLayer, canvas: Canvas, time: Fraction | float, luma: Plane
    ) -> Sequence[Placed]:
        """Say what is blended, and where.

        Parameters
        ----------
        layer : LogoLayer or CodeLayer
        canvas : Canvas
        time : Fraction or float
            Presentation time in seconds.
        luma : ndarray
            First plane of the frame.

        Returns
        -------
        sequence of Placed
            Empty if it was left out.

        Raises
        ------
        OverlayError
            It does not fit, and is required.
        """
        try:
            return layer.placed(canvas, time, luma)
        except OverlayError:
            if self._required:
                raise
            with self._lock:
                self.left_out += 1
            return ()


class Wardrobe:
    """Knows the overlays of all viewers of a stream, and so which logos everybody has.

    Parameters
    ----------
    key : Key
        Chooses the schedules, and makes the codes.
    required : bool
        Whether an overlay that does not fit is an error.

    Attributes
    ----------
    tailor : Tailor
    """

    def __init__(self, key: Key, *, required: bool = True) -> None:
        self.tailor = Tailor(required=required)
        self._key = key
        self._layers: dict[Logo, LogoLayer] = {}
        self._worn: Counter[LogoLayer] = Counter()
        self._viewers = 0
        self._gone: deque[tuple[LogoLayer, ...]] = deque()

    def fit(self, payload: Payload, overlays: Sequence[Overlay]) -> Covers:
        """Make the overlays of one viewer; equal logos are one."""
        logos = [each for each in overlays if isinstance(each, Logo)]
        for logo in logos:
            self._layers.setdefault(logo, logo.layer(self._key))
        return Covers(
            self.tailor,
            tuple(dict.fromkeys(self._layers[logo] for logo in logos)),
            tuple(each.layer(self._key, payload) for each in overlays if not isinstance(each, Logo)),
        )

    def count(self, viewer: object, covers: Covers) -> None:
        """Count a viewer in for as long as anything refers to it."""
        self._viewers += 1
        self._worn.update(covers.logos)
        # a viewer may go at any moment, in any thread: it is only noted here, and counted out when nobody is counting
        finalize(viewer, self._gone.append, covers.logos)

    def draw(
        self, frame: Frame, geometry: Geometry, time: Fraction | float, versions: tuple[tuple[Plane, ...], ...]
    ) -> Scenery:
        """Draw the logos that every viewer has into all versions of a frame.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
        geometry : Geometry
        time : Fraction or float
            Presentation time in seconds.
        versions : tuple of tuple of ndarray
            Of every plane.

        Returns
        -------
        Scenery
        """
        while self._gone:
            self._worn.subtract(self._gone.popleft())
            self._viewers -= 1
        canvas = Canvas.of(frame, geometry)
        common = tuple(layer for layer, worn in self._worn.items() if worn == self._viewers > 0)
        for logo in common:
            for stamp in self.tailor.placed(logo, canvas, time, versions[0][0]):
                for index, planes in enumerate(versions):
                    for plane in planes:
                        stamp.blend_plane(plane, index)
        return Scenery(canvas, time, common, versions[0][0])
