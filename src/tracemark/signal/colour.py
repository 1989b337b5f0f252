"""Colour difference as people see it: CIEDE2000 on arrays, and what a mark in chroma costs of it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.signal.scratch import Scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

STEP = 8
"""Levels from one colour to the next of the table of `visibility`."""

_DIRECTIONS, _RADIUS = 8, 0.75
"""Changes of Cb and Cr that the table is averaged over: so many directions, at a radius that marks have, in levels."""

_CHROMA_KNEE = np.float32(25.0**7)
"""25^7: the chroma at which the rotation and the a* correction saturate (Sharma 2005, equations 4 and 17)."""


def lab(rgb: NDArray[np.uint8] | Samples) -> Samples:
    """CIE L*a*b* (D65) of sRGB colours.

    Parameters
    ----------
    rgb : ndarray of uint8, or of float32 from 0 to 1, shape (..., 3)

    Returns
    -------
    ndarray of float32, shape (..., 3)
    """
    unit = np.ascontiguousarray(rgb, np.float32)
    if rgb.dtype == np.uint8:
        unit = unit / np.float32(255.0)
    return np.asarray(cv2.cvtColor(unit.reshape(-1, 1, 3), cv2.COLOR_RGB2Lab), np.float32).reshape(unit.shape)


def ciede2000(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """CIEDE2000 difference of two arrays of L*a*b* colours, with kL = kC = kH = 1.

    Parameters
    ----------
    first, second : ndarray of float32, shape (..., 3)

    Returns
    -------
    ndarray of float32, shape (...)

    References
    ----------
    G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary test
    data, and mathematical observations", Color Research and Application 30(1), 2005, equations 2 to 22.
    """
    l1, a1, b1 = np.moveaxis(first, -1, 0)
    l2, a2, b2 = np.moveaxis(second, -1, 0)

    mean_plain_chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    a_scale = 1.5 - 0.5 * np.sqrt(_saturation(mean_plain_chroma))
    a1, a2 = a1 * a_scale, a2 * a_scale

    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.arctan2(b1, a1), np.arctan2(b2, a2)
    chromatic = c1 * c2 > 0

    # Hues differ by the shorter way round; for a gray colour the hue means nothing and the difference is none.
    turn = np.float32(2 * np.pi)
    raw_hue = h2 - h1
    delta_hue = np.where(chromatic, raw_hue - turn * np.round(raw_hue / turn), 0)
    mean_hue = np.where(chromatic, h1 + delta_hue / 2, h1 + h2)
    delta_l, delta_c = l2 - l1, c2 - c1
    delta_h = 2 * np.sqrt(c1 * c2) * np.sin(delta_hue / 2)

    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    weight_t = (
        1
        - 0.17 * np.cos(mean_hue - np.radians(30.0))
        + 0.24 * np.cos(2 * mean_hue)
        + 0.32 * np.cos(3 * mean_hue + np.radians(6.0))
        - 0.20 * np.cos(4 * mean_hue - np.radians(63.0))
    )
    mean_degrees = np.degrees(mean_hue) % 360
    rotation_angle = np.radians(60.0) * np.exp(-(((mean_degrees - 275) / 25) ** 2))
    rotation = -np.sin(rotation_angle) * 2 * np.sqrt(_saturation(mean_c))
    lightness = (mean_l - 50) ** 2
    term_l = delta_l / (1 + 0.015 * lightness / np.sqrt(20 + lightness))
    term_c = delta_c / (1 + 0.045 * mean_c)
    term_h = delta_h / (1 + 0.015 * mean_c * weight_t)
    total = term_l**2 + term_c**2 + term_h**2 + rotation * term_c * term_h
    return np.asarray(np.sqrt(np.maximum(total, 0)), dtype=np.float32)


def _saturation(chroma: NDArray[np.float32]) -> NDArray[np.float32]:
    seventh = chroma**7
    return np.asarray(seventh / (seventh + _CHROMA_KNEE), dtype=np.float32)


def mean_difference(luma: Samples, blue: Samples, red: Samples, mask: Samples, scratch: Scratch | None = None) -> float:
    """Estimate how far a mark in chroma changes the colours of a picture, as CIEDE2000 has it.

    Parameters
    ----------
    luma, blue, red : ndarray of float32, shape (height, width)
        Y, Cb and Cr in 8-bit levels, 128 for grey.
    mask : ndarray of float32, shape (height, width)
        RMS of the mark in each of Cb and Cr, in 8-bit levels.
    scratch : Scratch, optional
        Where all steps lie; by default new memory.

    Returns
    -------
    float
        Mean over every second sample of every second row. What is measured on marked clips, luma's mark and all
        rounding included, is that to 1.1 times as much (docs/decisions/0060-room-in-the-mask.md).
    """
    room = scratch or Scratch()
    table, every = visibility(), slice(None, None, 2)
    bearing = mask[every, every]
    place, step = (room.array(name, bearing.shape, np.intp) for name in ("colour place", "colour step"))
    found = room.array("colour found", bearing.shape)
    place[:] = 0
    for plane in (luma, blue, red):
        # to the nearest colour of the table
        np.add(plane[every, every], STEP / 2, out=found)
        found *= 1 / STEP
        np.copyto(step, found, casting="unsafe")
        place *= len(table)
        place += step
    table.ravel().take(place, out=found, mode="clip")
    found *= bearing
    return float(found.mean())


@lru_cache(maxsize=1)
def visibility() -> Samples:
    """Tabulate the mean colour difference that a level of mark in Cb and in Cr makes, by the colour it lies on.

    Returns
    -------
    ndarray of float32, shape (33, 33, 33)
        CIEDE2000 for an RMS of one level in each, by Y, Cb and Cr in steps of `STEP`. Read-only.
    """
    luma, blue, red = np.meshgrid(*[np.arange(0, 257, STEP, dtype=np.float32)] * 3, indexing="ij")
    host = lab(_rgb(luma, blue, red))
    total = np.zeros(luma.shape, np.float32)
    for number in range(_DIRECTIONS):
        angle = 2 * math.pi * number / _DIRECTIONS
        marked = _rgb(luma, blue + _RADIUS * math.cos(angle), red + _RADIUS * math.sin(angle))
        total += ciede2000(host, lab(marked))
    # two independent normal deviates of RMS 1 are the mean of Rayleigh's distribution away from their middle
    table = total * np.float32(math.sqrt(math.pi / 2) / (_DIRECTIONS * _RADIUS))
    table.flags.writeable = False
    return table


def _rgb(luma: Samples, blue: Samples, red: Samples) -> Samples:
    """Bring narrow-range Y, Cb and Cr to red, green and blue from 0 to 1 (ITU-R BT.601)."""
    y, b, r = (luma - 16) / 219, (blue - 128) / 224, (red - 128) / 224
    rgb = np.stack([y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b], axis=-1)
    return np.asarray(np.clip(rgb, 0, 1), np.float32)
