"""How fast marking is on this machine and this stream, beside a memory copy and an encoder."""

from tracemark.bench.drawing import draw_bench
from tracemark.bench.measuring import Bench, Times, measure
from tracemark.bench.telling import tell_bench

__all__ = ["Bench", "Times", "draw_bench", "measure", "tell_bench"]
