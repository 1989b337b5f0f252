"""Colour difference as people see it: CIEDE2000 on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHROMA_KNEE = np.float32(25.0**7)
"""25^7: the chroma at which the rotation and the a* correction saturate (Sharma 2005, equations 4 and 17)."""


def lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """CIE L*a*b* (D65) of sRGB pixels.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of float32, shape (height, width, 3)
    """
    unit = np.ascontiguousarray(rgb).astype(np.float32) / np.float32(255.0)
    return np.asarray(cv2.cvtColor(unit, cv2.COLOR_RGB2Lab), dtype=np.float32)


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
