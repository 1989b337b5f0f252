"""A screen recording: the picture in a player's window on somebody's desktop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.attacks import scenery
from benchmarks.attacks.drawing import Drawing, Painter, Picture
from benchmarks.attacks.placement import Format, Placement, even
from benchmarks.attacks.scenery import write

WIDTH, HEIGHT = 1920, 1080
TASKBAR = 40
"""Height of the bar at the bottom of the screen, in pixels."""
TITLE = 32
"""Height of a window's title bar."""
CONTROLS = 36
"""Height of the player's bar of buttons."""
EDGE = 8
"""Least distance of the player from the sides of the screen."""
FILM_SECONDS = 5400
"""Length of the film, as the player shows it."""
CHAT_PERIOD = 0.9
"""Seconds between new lines in the chat."""
CHAT_SCROLL = 0.25
"""Seconds that a new line takes to scroll in."""
CHAT_LINE = 24
"""Height of a line in the chat, in pixels."""

PAPER, INK, GRAY, DARK = (250, 250, 250), (40, 40, 40), (210, 205, 200), (45, 40, 38)


class Area(NamedTuple):
    """Where something is on the screen, in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Desktop(Drawing):
    """Show the picture in a player on a desktop of 1920x1080, among other windows.

    Parameters
    ----------
    share : float
        Width of the picture as a share of the screen's; less where the screen is not high enough for it.
    seed : int
        Chooses the wallpaper, the windows, their places and texts.
    portrait : bool
        Whether the recording is then cropped to 9:16, about the player's middle.
    """

    share: float
    seed: int
    portrait: bool = False

    def placement(self, source: Format) -> Placement:
        """Say where the picture comes to lie."""
        player, cut = self._player(source), self._cut(source)
        screen = Format(cut.width, cut.height, source.rate)
        return Placement.inside(screen, player.left - cut.left, player.top - cut.top, player.width, player.height)

    def painter(self, source: Format) -> Painter:
        """Draw what does not change, and prepare to draw what does."""
        chance = np.random.default_rng([self.seed, 1])
        screen = scenery.wallpaper(HEIGHT, WIDTH, chance)
        editor = _somewhere(chance, 640, 560)
        _window(screen, editor, "notes.txt - Editor", PAPER)
        for row in range(editor.height // 22 - 2):
            write(
                screen, scenery.sentence(chance, 8)[:56], editor.left + 12, editor.top + TITLE + 24 + 22 * row, 11, INK
            )
        chat = _somewhere(chance, 380, 600)
        lines = [scenery.sentence(chance, 5)[:34] for _ in range(64)]
        player, cut = self._player(source), self._cut(source)
        start = float(chance.uniform(60, FILM_SECONDS / 2))
        _taskbar(screen, chance)

        def paint(picture: Picture, time: float) -> Picture:
            drawn = screen.copy()
            _window(drawn, chat, "Chat", PAPER)
            _scroll(drawn, chat, lines, time)
            _play(drawn, player, picture, start + time)
            _clock(drawn, start + time)
            _pointer(drawn, player, time)
            return drawn[cut.top : cut.top + cut.height, cut.left : cut.left + cut.width]

        return paint

    def _player(self, source: Format) -> Area:
        """Area of the picture itself, without the window round it."""
        room = HEIGHT - TASKBAR - TITLE - CONTROLS
        factor = min(self.share * WIDTH / source.width, room / source.height)
        width, height = even(factor * source.width), min(even(factor * source.height), room)
        along, down = np.random.default_rng([self.seed, 0]).uniform(0, 1, 2)
        left = EDGE + along * (WIDTH - 2 * EDGE - width)
        return Area(round(left), round(TITLE + down * (room - height)), width, height)

    def _cut(self, source: Format) -> Area:
        if not self.portrait:
            return Area(0, 0, WIDTH, HEIGHT)
        player = self._player(source)
        width = even(HEIGHT * 9 / 16)
        left = player.left + (player.width - width) // 2
        return Area(min(max(left, 0), WIDTH - width), 0, width, HEIGHT)


def _somewhere(chance: np.random.Generator, width: int, height: int) -> Area:
    left, top = chance.integers(0, WIDTH - width), chance.integers(0, HEIGHT - TASKBAR - height)
    return Area(int(left), int(top), width, height)


def _fill(screen: Picture, area: Area, paint: scenery.Colour) -> None:
    screen[area.top : area.top + area.height, area.left : area.left + area.width] = paint


def _window(screen: Picture, area: Area, title: str, paper: scenery.Colour) -> None:
    """Draw a window with its title bar inside an area."""
    _fill(screen, area, paper)
    _fill(screen, area._replace(height=TITLE), GRAY)
    write(screen, title, area.left + 12, area.top + 21, 12, INK)
    right = area.left + area.width
    for number, mark in enumerate("xo-"):
        write(screen, mark, right - 26 - 34 * number, area.top + 20, 13, INK)
    cv2.rectangle(screen, (area.left, area.top), (right - 1, area.top + area.height - 1), (120, 120, 120), 1)


def _taskbar(screen: Picture, chance: np.random.Generator) -> None:
    bar = Area(0, HEIGHT - TASKBAR, WIDTH, TASKBAR)
    _fill(screen, bar, DARK)
    for number in range(9):
        left = 12 + 48 * number
        cv2.rectangle(
            screen, (left, bar.top + 8), (left + 24, bar.top + 32), scenery.colour(chance, 60), -1, cv2.LINE_AA
        )


def _play(screen: Picture, player: Area, picture: Picture, position: float) -> None:
    """Draw the player: its window, the picture, and how far the film is."""
    frame = Area(player.left - 1, player.top - TITLE, player.width + 2, player.height + TITLE + CONTROLS)
    _window(screen, frame, "Private session - Player", DARK)
    smaller = player.width < picture.shape[1]
    shown = cv2.resize(
        picture, (player.width, player.height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    )
    screen[player.top : player.top + player.height, player.left : player.left + player.width] = shown
    bar = player.top + player.height + CONTROLS // 2
    label = f"{position // 3600:.0f}:{position // 60 % 60:02.0f}:{position % 60 // 1:02.0f}"
    write(screen, label, player.left + 12, bar + 5, 11, GRAY)
    begin, end = player.left + 90, player.left + player.width - 20
    along = round(begin + (end - begin) * position / FILM_SECONDS)
    cv2.line(screen, (begin, bar), (end, bar), (110, 110, 110), 3)
    cv2.line(screen, (begin, bar), (along, bar), (60, 60, 230), 3)


def _clock(screen: Picture, position: float) -> None:
    text = f"{9 + position // 3600:02.0f}:{position // 60 % 60:02.0f}:{position % 60 // 1:02.0f}"
    write(screen, text, WIDTH - 110, HEIGHT - 14, 14, PAPER)


def _scroll(screen: Picture, area: Area, lines: list[str], time: float) -> None:
    """Draw the chat, which moves up by a line at a time."""
    inside = screen[area.top + TITLE : area.top + area.height - 2, area.left + 2 : area.left + area.width - 2]
    newest, since = divmod(time / CHAT_PERIOD, 1)
    rise = min(since * CHAT_PERIOD / CHAT_SCROLL, 1.0)
    for back in range(inside.shape[0] // CHAT_LINE + 1):
        y = inside.shape[0] - 10 + CHAT_LINE * (1 - rise - back)
        write(inside, lines[int(newest - back) % len(lines)], 12, y, 12, INK)


def _pointer(screen: Picture, player: Area, time: float) -> None:
    """Draw the mouse, which strays over the player."""
    x = player.left + player.width * (0.5 + 0.3 * np.sin(0.7 * time))
    y = player.top + player.height * (0.6 + 0.3 * np.cos(1.1 * time))
    outline = np.array([[0, 0], [0, 18], [5, 14], [9, 21], [12, 19], [8, 13], [14, 13]]) + np.array([x, y])
    cv2.fillPoly(screen, [outline.astype(np.int32)], (255, 255, 255), cv2.LINE_AA)
    cv2.polylines(screen, [outline.astype(np.int32)], True, (0, 0, 0), 1, cv2.LINE_AA)  # noqa: FBT003 - OpenCV's order
