"""Every attack as a leak: the attack, then an H.264 encode.

Sizes, angles and factors are what the leaker does to the copy. A `seed` chooses whatever is left to chance.
"""

from __future__ import annotations

import numpy as np

from benchmarks import leaks
from benchmarks.attacks.covering import JpegFrames, OtherLogo, PictureInPicture, Sticker, Subtitles
from benchmarks.attacks.desktop import Desktop
from benchmarks.attacks.drawing import Drawing
from benchmarks.attacks.filmed import Filmed
from benchmarks.attacks.geometric import (
    BlurredSides,
    Crop,
    Letterbox,
    Lines,
    Mirror,
    Perspective,
    Resize,
    Rotate,
    Turn,
)
from benchmarks.attacks.moves import Filter, Move, Moved
from benchmarks.attacks.timing import TIMED, DropAtRandom, KeepEvery, Speed
from benchmarks.leaks import Leak, SaveJpeg

CRF = 28
"""Quality of the H.264 encode after each attack."""

BLUR_SIGMA = 1.7
"""Standard deviation that belongs to a Gaussian of 9 taps (torchvision, `gaussian_blur`: 0.15 n + 0.35)."""

NOISE_STRENGTH = 3**0.5
"""ffmpeg's noise filter has a standard deviation of its strength over this (libavfilter/vf_noise.c, init_noise)."""


def moved(name: str, *moves: Move, crf: int = CRF) -> Leak:
    """Do any moves, in order, in one encode."""
    return Leak(name, (Moved(".mp4", leaks.h264(crf), moves),))


def retimed(name: str, *moves: Move, crf: int = CRF) -> Leak:
    """Do moves that change times, and keep those exactly."""
    return Leak(name, (Moved(".mp4", (*leaks.h264(crf), *TIMED), moves),))


def drawn(name: str, drawing: Drawing, *moves: Move, crf: int = CRF) -> Leak:
    """Draw picture by picture, then do any moves in one encode."""
    return Leak(name, (drawing, Moved(".mp4", leaks.h264(crf), moves)))


def crop(ratio: float, *, seed: int | None = None, enlarged: bool = False, crf: int = CRF) -> Leak:
    """Keep a part whose sides are `ratio` of the whole's: the middle, or off centre if there is a seed."""
    name = f"crop {ratio:g} {'centred' if seed is None else 'off centre'}{', scaled up' if enlarged else ''}"
    return moved(name, Crop(ratio, seed, enlarged), crf=crf)


def resize(factor: float, *, crf: int = CRF) -> Leak:
    """Scale both sides."""
    return moved(f"resize {factor:g}", Resize(factor, factor), crf=crf)


def stretch(across: float, *, crf: int = CRF) -> Leak:
    """Scale the width alone; .75 makes 4:3 of 16:9, 4/3 goes back."""
    return moved(f"stretch {across:.3g}", Resize(across, 1.0), crf=crf)


def rotate(degrees: float, *, crf: int = CRF) -> Leak:
    """Rotate clockwise on a canvas that grows; multiples of 90 are exact."""
    move = Turn(round(degrees / 90)) if degrees % 90 == 0 else Rotate(degrees)
    return moved(f"rotate {degrees:g}", move, crf=crf)


def mirror(*, crf: int = CRF) -> Leak:
    """Swap left and right."""
    return moved("mirror", Mirror(), crf=crf)


def mirror_rotate(degrees: float, *, crf: int = CRF) -> Leak:
    """Swap left and right, then rotate."""
    return moved(f"mirror, rotate {degrees:g}", Mirror(), Rotate(degrees), crf=crf)


def desktop(share: float, *, seed: int, crf: int = CRF) -> Leak:
    """Record a screen of 1920x1080 on which the picture takes a share of the width."""
    return drawn(f"desktop {share:.0%}", Desktop(share, seed), crf=crf)


def letterbox(*, crf: int = CRF) -> Leak:
    """Put black bars above and below, a sixth of the picture's height each."""
    return moved("letterbox", Letterbox(), crf=crf)


def pillarbox(*, crf: int = CRF) -> Leak:
    """Fill the sides with a blurred copy that moves along."""
    return moved("pillarbox, blurred sides", BlurredSides(), crf=crf)


def picture_in_picture(share: float, *, seed: int, crf: int = CRF) -> Leak:
    """Show the picture small in a corner of another film."""
    return drawn(f"picture in picture {share:.0%}", PictureInPicture(share, seed), crf=crf)


def perspective(share: float, *, seed: int, crf: int = CRF) -> Leak:
    """Move each corner by a share of the picture."""
    return moved(f"perspective {share:.0%}", Perspective(share, seed), crf=crf)


def filmed(*, seed: int, crf: int = CRF) -> Leak:
    """Film a monitor by hand."""
    return drawn("filmed", Filmed(seed), crf=crf)


def brightness(factor: float, *, crf: int = CRF) -> Leak:
    """Multiply red, green and blue."""
    return moved(f"brightness {factor:g}", brightened(factor), crf=crf)


def contrast(factor: float, *, crf: int = CRF) -> Leak:
    """Multiply distances from middle gray."""
    return moved(f"contrast {factor:g}", Filter(f"eq=contrast={factor:g}"), crf=crf)


def saturation(factor: float, *, crf: int = CRF) -> Leak:
    """Multiply colourfulness."""
    return moved(f"saturation {factor:g}", Filter(f"eq=saturation={factor:g}"), crf=crf)


def gamma(exponent: float, *, crf: int = CRF) -> Leak:
    """Bend the levels; over 1 is lighter, as ffmpeg means it."""
    return moved(f"gamma {exponent:g}", Filter(f"eq=gamma={exponent:g}"), crf=crf)


def hue(degrees: float = 36, *, crf: int = CRF) -> Leak:
    """Turn the colour circle; 36 degrees is the tenth of a turn usual in image watermarking."""
    return moved(f"hue {degrees:g}", Filter(f"hue=h={degrees:g}"), crf=crf)


def gray(*, crf: int = CRF) -> Leak:
    """Take the colour away."""
    return moved("gray", Filter("hue=s=0"), crf=crf)


def sharpen(*, crf: int = CRF) -> Leak:
    """Sharpen by an unsharp mask of 5x5 at strength 1."""
    return moved("sharpen", Filter("unsharp=5:5:1.0"), crf=crf)


def median(*, crf: int = CRF) -> Leak:
    """Take the median of 3x3 pixels; removegrain's mode 4 does what ffmpeg's `median` does, but faster."""
    return moved("median 3", Filter("removegrain=4:4:4"), crf=crf)


def blur(*, crf: int = CRF) -> Leak:
    """Blur by a Gaussian of 9 taps."""
    return moved("Gaussian blur, 9 taps", Filter(f"gblur=sigma={BLUR_SIGMA}:steps=3"), crf=crf)


def noise(sigma: float = 8, *, seed: int, crf: int = CRF) -> Leak:
    """Add noise of a standard deviation in levels, anew in every frame."""
    text = f"noise=alls={round(sigma * NOISE_STRENGTH)}:allf=t:all_seed={seed}"
    return moved(f"noise sigma {sigma:g}", Filter(text), crf=crf)


def denoise(*, crf: int = CRF) -> Leak:
    """Denoise over space and time, as ffmpeg's hqdn3d does by default."""
    return moved("hqdn3d", Filter("hqdn3d"), crf=crf)


def jpeg_frames(quality: int = 40, *, crf: int = CRF) -> Leak:
    """Save every frame as JPEG."""
    return drawn(f"JPEG {quality} frames", JpegFrames(quality), crf=crf)


def subtitles(*, seed: int, crf: int = CRF) -> Leak:
    """Write subtitles that change."""
    return drawn("subtitles", Subtitles(seed), crf=crf)


def sticker(share: float = 0.25, *, seed: int, crf: int = CRF) -> Leak:
    """Stick a round face on it, of a share of the picture's width."""
    return drawn(f"sticker {share:.0%}", Sticker(share, seed), crf=crf)


def other_logo(*, seed: int, crf: int = CRF) -> Leak:
    """Lay somebody else's logo over it."""
    return drawn("another logo", OtherLogo(seed), crf=crf)


def blackout(share: float = 0.3, *, seed: int, crf: int = CRF) -> Leak:
    """Black out a rectangle that covers a share of the picture's area."""
    side = share**0.5
    along, down = _places(seed)
    x, y = f"iw*{(1 - side) * along:.4f}", f"ih*{(1 - side) * down:.4f}"
    text = f"drawbox=x={x}:y={y}:w=iw*{side:.4f}:h=ih*{side:.4f}:color=black:t=fill"
    return moved(f"{share:.0%} blacked out", Filter(text), crf=crf)


def speed(factor: float, *, crf: int = CRF) -> Leak:
    """Play all frames faster or slower."""
    return retimed(f"speed {factor:g}", Speed(factor), crf=crf)


def every_second_frame(*, crf: int = CRF) -> Leak:
    """Drop every second frame; the others keep their times."""
    return retimed("every second frame", KeepEvery(2), crf=crf)


def dropped(share: float = 0.1, *, seed: int, closed: bool = False, crf: int = CRF) -> Leak:
    """Drop frames at random; the others keep their times or close up."""
    name = f"{share:.0%} of frames dropped{', closed up' if closed else ''}"
    return retimed(name, DropAtRandom(share, seed, closed), crf=crf)


def crop_darkened(crf: int) -> Leak:
    """Crop to .71 and halve the brightness."""
    return moved(f"crop 0.71, brightness 0.5, CRF {crf}", Crop(0.71), brightened(0.5), crf=crf)


def video_seal_chain() -> Leak:
    """Encode at CRF 30 and crop to .75, as Video Seal's combined attack does."""
    return leaks.x264(30).then(crop(0.75), "x264 CRF 30, crop 0.75")


def recorded_and_shared(*, seed: int, lines: int = 540, crf: int = 32) -> Leak:
    """Record the screen, crop the recording to portrait, shrink it, and send it through two apps."""
    first = drawn("desktop 60%, portrait", Desktop(0.6, seed, portrait=True), Lines(lines), crf=crf)
    return first.then(leaks.x264(crf), f"desktop 60%, portrait, {lines} lines, CRF {crf} twice")


def filmed_and_shared(*, seed: int, lines: int = 480, crf: int = 30) -> Leak:
    """Film a monitor by hand, and shrink what was filmed."""
    return drawn(f"filmed, {lines} lines, CRF {crf}", Filmed(seed), Lines(lines), crf=crf)


def screenshot(at: float, *, seed: int, crf: int = 23) -> Leak:
    """Take one picture out of an encode, crop it to .71, scale it by .6 and save it as JPEG 70."""
    moves = (Filter(f"trim=start={at:.6f}"), Crop(0.71, seed), Resize(0.6, 0.6))
    picked = Moved(".png", ("-frames:v", "1", "-update", "1"), moves)
    picture = Leak("screenshot, crop 0.71, resize 0.6, JPEG 70", (picked, SaveJpeg(70)))
    return leaks.x264(crf).then(picture, f"{picture.name}, of CRF {crf}")


def brightened(factor: float) -> Filter:
    """Multiply red, green and blue of video in limited range."""
    luma = f"clip((val-16)*{factor:g}+16,16,235)"
    chroma = f"clip((val-128)*{factor:g}+128,16,240)"
    return Filter(f"format=yuv420p,lutyuv=y='{luma}':u='{chroma}':v='{chroma}'")


def _places(seed: int) -> tuple[float, float]:
    chance = np.random.default_rng(seed)
    return float(chance.uniform()), float(chance.uniform())
