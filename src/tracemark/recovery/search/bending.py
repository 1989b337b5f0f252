"""From a place to a homography: neighbourhoods are asked how far the pilot is off, and one map has to serve them all.

The image is brought to the canvas and compared with every carrier in overlapping neighbourhoods. Each gives a surface:
how well the carriers fit, for every small displacement. Maps (similarity, then affine, then homography) climb the sum
of all surfaces at the displacements that they would make, so that neighbourhoods too weak to have a peak of their own
still count. It begins around the strongest neighbourhood and grows from there, since a wrong map is right somewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
    Doubles = NDArray[np.float64]

SIDE = 320
"""Samples of the canvas' side."""

TILES = 11
"""Neighbourhoods along the canvas' side; they overlap."""

FARTHEST = 0.02
"""Largest displacement that a neighbourhood is asked about, in long sides: a wave and a half of the finest carrier."""

STEP = 0.001
"""Step of displacement."""

GROWTH = ((0.10, 0.28), (0.08, 0.4), (0.08, 0.6), (0.06, 9.0), (0.06, 9.0))
"""Radius of a neighbourhood, and reach of those that count, in long sides, pass by pass."""

LEVELS = (("similar", 0.008), ("affine", 0.008), ("affine", 0.004), ("homography", 0.012), ("homography", 0.005))
"""Kinds of map tried in turn, and their first steps."""

WORTH = 0.01
"""Share by which perspective must improve the fit to be believed."""


def refine(image: Samples, frequencies: Doubles, phases: Doubles, matrix: Doubles) -> tuple[Doubles, float]:
    """Improve a map from the canvas to the leak.

    Parameters
    ----------
    image : ndarray of float32, shape (height, width)
        Real, with the pilot as even slots show it.
    frequencies : ndarray of float64, shape (carriers, 2)
    phases : ndarray of float64, shape (carriers,)
    matrix : ndarray of float64, shape (3, 3)
        From the canvas (long sides, from its middle) to pixels.

    Returns
    -------
    matrix : ndarray of float64, shape (3, 3)
    gain : float
        Fit at the end over the fit at the beginning.
    """
    chance = np.random.default_rng(0)  # any changes would do; the same ones every time make decodes repeatable
    centre: Doubles | None = None
    first = last = 0.0
    for radius, reach in GROWTH:
        surfaces, middles = _surfaces(image, frequencies, phases, matrix, radius)
        if not len(middles):
            break
        if centre is None:
            centre = _strongest(surfaces, middles)
        weights = np.exp(-0.5 * ((middles - centre) ** 2).sum(axis=1) / reach**2)
        moves, before, after = _climb(surfaces, middles, weights, centre, chance)
        first = first or before
        shift = np.eye(3)
        shift[:2, 2] = centre
        moved = shift @ _homography(moves) @ np.linalg.inv(shift)
        matrix = matrix @ np.linalg.inv(moved)
        matrix = matrix / matrix[2, 2]
        last = after
        if reach > 1 and after - before < 0.004 * abs(before):
            break
    return matrix, last / first if first > 0 else 0.0


def on_canvas(image: Samples, matrix: Doubles, side: int) -> Samples:
    """Bring an image to the square canvas.

    Parameters
    ----------
    image : ndarray of float32, shape (height, width)
    matrix : ndarray of float64, shape (3, 3)
        From the canvas to pixels, whose middles lie at halves.
    side : int
        Samples of the canvas' side.

    Returns
    -------
    ndarray of float32, shape (side, side)
        Mirrored beyond the image's edges.
    """
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REFLECT
    samples = cv2.warpPerspective(image, _to_indices(matrix, side), (side, side), flags=flags, borderMode=border)
    return np.asarray(samples, np.float32)


def shown_on_canvas(shape: tuple[int, ...], matrix: Doubles, side: int) -> NDArray[np.bool_]:
    """Tell which samples of the canvas an image shows.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the image.
    matrix : ndarray of float64, shape (3, 3)
    side : int
        As for `on_canvas`.

    Returns
    -------
    ndarray of bool, shape (side, side)
    """
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    shown = cv2.warpPerspective(np.ones(shape, np.uint8), _to_indices(matrix, side), (side, side), flags=flags)
    return np.asarray(shown, bool)


def _to_indices(matrix: Doubles, side: int) -> Doubles:
    """Map from the canvas' samples to an image's: OpenCV counts from their middles."""
    to_canvas = np.array([[1 / side, 0, 0.5 / side - 0.5], [0, 1 / side, 0.5 / side - 0.5], [0, 0, 1]])
    to_index = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    return np.asarray(to_index @ matrix @ to_canvas, np.float64)


def _surfaces(
    image: Samples, frequencies: Doubles, phases: Doubles, matrix: Doubles, radius: float
) -> tuple[Samples, Doubles]:
    """Fit of every neighbourhood for every displacement, and the neighbourhoods' middles on the canvas."""
    shown = shown_on_canvas(image.shape, matrix, SIDE)
    samples = on_canvas(image, matrix, SIDE) * shown
    place = (np.arange(SIDE) + 0.5) / SIDE - 0.5
    middles = np.linspace(-0.46, 0.46, TILES)
    window = np.exp(-0.5 * ((place[None] - middles[:, None]) / radius) ** 2).astype(np.float32)
    window[window < 1e-6] = 0  # numbers too small for single precision slow every product down
    covered = window @ shown.astype(np.float32) @ window.T / window.sum(axis=1)[:, None] / window.sum(axis=1)
    down, across = np.nonzero(covered > 0.3)
    if not len(down):
        return np.zeros((0, 1, 1), np.float32), np.zeros((0, 2))
    waves = np.exp(-2j * np.pi * np.outer(frequencies[:, 1], place) - 1j * phases[:, None]).astype(np.complex64)
    left = waves[:, None] * window
    # samples are real: one product of real matrices for both parts of all carriers
    parts = np.stack([left.real, left.imag]).reshape(-1, SIDE) @ samples
    rows = parts.reshape(2, *left.shape)
    waves = np.exp(-2j * np.pi * np.outer(frequencies[:, 0], place)).astype(np.complex64)
    right = np.swapaxes(waves[:, None] * window, 1, 2)
    responses = ((rows[0] + 1j * rows[1]).astype(np.complex64) @ right)[:, down, across]
    steps = np.arange(-FARTHEST, FARTHEST + STEP / 2, STEP)
    shift_y = np.exp(-2j * np.pi * np.outer(frequencies[:, 1], steps)).astype(np.complex64)
    shift_x = np.exp(-2j * np.pi * np.outer(frequencies[:, 0], steps)).astype(np.complex64)
    weighed = responses.T[:, :, None] * shift_y[None]  # tiles, carriers, steps down
    surfaces = np.einsum("tky,kx->tyx", weighed, shift_x, optimize=True).real
    spread = np.sqrt((np.abs(responses) ** 2).sum(axis=0) / 2).mean() + 1e-9
    return np.asarray(surfaces / spread, np.float32), np.stack([middles[across], middles[down]], axis=1)


def _strongest(surfaces: Samples, middles: Doubles) -> Doubles:
    """Middle of the neighbourhood that fits best as it stands, smoothed over its neighbours."""
    count = surfaces.shape[1] // 2
    fit = surfaces[:, count, count]
    near = np.exp(-0.5 * ((middles[:, None] - middles[None]) ** 2).sum(axis=2) / 0.1**2)
    return np.asarray(middles[int((near @ fit).argmax())], np.float64)


def _homography(moves: Doubles) -> Doubles:
    a, b, c, d, x, y, g, h = moves
    return np.array([[1 + a, b, x], [c, 1 + d, y], [g, h, 1]])


def _climb(
    surfaces: Samples, middles: Doubles, weights: Doubles, centre: Doubles, chance: np.random.Generator
) -> tuple[Doubles, float, float]:
    """Climb the sum of the surfaces; the map, and the fit before and after."""
    tiles, steps = surfaces.shape[:2]
    tall = surfaces.reshape(tiles * steps, steps)
    x, y = (middles - centre).T.astype(np.float32)
    one, none = np.ones_like(x), np.zeros_like(x)
    # displacements are linear in the moves but for the depth that perspective divides them by
    across = np.stack([x, y, none, none, one, none, -x * x, -x * y]) / np.float32(STEP)
    down = np.stack([none, none, x, y, none, one, -x * y, -y * y]) / np.float32(STEP)
    first_rows = (np.arange(tiles) * steps).astype(np.float32)
    light = weights.astype(np.float32)

    def fit(moves: Doubles) -> Doubles:
        single = moves.astype(np.float32)
        columns, rows = single @ across, single @ down
        if moves[:, 6:].any():
            depth = 1 + single[:, 6:] @ np.stack([x, y])
            columns /= depth
            rows /= depth
        columns += steps // 2
        rows += steps // 2
        np.clip(columns, 0, steps - 1.001, out=columns)
        np.clip(rows, 0, steps - 1.001, out=rows)
        rows += first_rows
        looked = cv2.remap(tall, columns, rows, cv2.INTER_LINEAR)
        return np.asarray(looked @ light, np.float64)

    best = np.zeros(8)
    before = reached = float(fit(best[None])[0])
    for kind, first_step in LEVELS:
        kept, kept_fit = best, reached
        for number in range(6):
            changes = chance.normal(0, first_step * 0.75**number, (400, 8))
            changes[:, 4:6] *= 0.6
            if kind == "similar":
                changes[:, 3], changes[:, 2] = changes[:, 0], -changes[:, 1]
            if kind != "homography":
                changes[:, 6:] = 0
            fits = fit(best + changes)
            if fits.max() > reached:
                reached, best = float(fits.max()), best + changes[int(fits.argmax())]
        if kind == "homography" and reached - kept_fit < WORTH * abs(kept_fit):
            best, reached = kept, kept_fit
    return best, before, reached
