"""A row of figures as a row of bars."""

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_PLAIN = "_.:-=+*#"


def sparkline(figures: Sequence[float], top: float, width: int, *, plain: bool = False) -> str:
    """Return the newest figures, the last one on the right, as bars of which `top` is the highest.

    Args:
        figures: the newest last.
        top: what fills a bar; so does what is above it.
        width: the most bars.
        plain: for a terminal that shows ASCII only.
    """
    bars = _PLAIN if plain else _BARS
    shown = figures[-width:] if width > 0 else ()
    return "".join(bars[_height(figure / top if top else 0.0, len(bars))] for figure in shown)


def _height(share: float, heights: int) -> int:
    return max(0, min(heights - 1, round(share * (heights - 1))))
