"""Plots of a result as SVG, the same bytes for the same result."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing
from tests.benchmarks.bench import label
from tests.benchmarks.numbers import number
from tests.benchmarks.results import Entrant, Result, Value

_INCHES_WIDE, _INCHES_A_BAR, _INCHES_AROUND = 9.0, 0.24, 1.2
_LOGARITHMIC_FROM = 40
_SALT = "onport-relay"
"""Ids that do not change with each run."""
_COLOURS = {
    "relay": "#1168bd",
    "relay-put": "#6aa5dd",
    "celery": "#d98c1f",
    "celery-prefork": "#b8741a",
    "celery-bucket": "#e9b872",
    "dramatiq": "#7a9e3f",
    "arq": "#8e6bb0",
    "taskiq": "#c25b78",
    "httpx-loop": "#999999",
    "lpush": "#999999",
    "limit": "#cccccc",
}


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture."""

    file: str
    alternative: str
    svg: str


def plots(result: Result) -> Iterator[Plot]:
    """Yield bars of the first figure, a picture for all cells that differ in their first value."""
    groups: list[dict[str, Value]] = []
    for cell in result.cells():
        if (rest := _rest(cell)) not in groups:
            groups.append(rest)
    for number_of_it, rest in enumerate(groups, 1):
        cells = [cell for cell in result.cells() if _rest(cell) == rest]
        suffix = f"-{number_of_it}" if len(groups) > 1 else ""
        what = ", ".join(filter(None, (result.bench, label(rest))))
        yield Plot(f"{result.bench}{suffix}.svg", what, _bars(result, cells, what))


def _rest(cell: Mapping[str, Value]) -> dict[str, Value]:
    return dict(list(cell.items())[1:])


def _bars(result: Result, cells: list[Mapping[str, Value]], what: str) -> str:
    figure = result.figures[0]
    all_medians = (
        (entrant, [_median(result, entrant, cell, figure.name) for cell in cells])
        for entrant in result.entrants
    )
    shown = [(entrant, medians) for entrant, medians in all_medians if set(medians) != {None}]
    labels = [label({name: cell[name] for name in list(cell)[:1]}) for cell in cells]
    unit = f" [{figure.unit}]" if figure.unit else ""
    with rc_context({"svg.hashsalt": _SALT, "svg.fonttype": "none"}):
        high = _INCHES_AROUND + _INCHES_A_BAR * len(cells) * (len(shown) + 1)
        canvas = FigureCanvasSVG(Drawing(figsize=(_INCHES_WIDE, high), layout="constrained"))
        axes = canvas.figure.subplots()
        axes.set_title(f"{what}: {figure.name}{unit}, {figure.better} is better")
        for place, (entrant, medians) in enumerate(shown):
            heights = [cell * (len(shown) + 1) + place for cell in range(len(cells))]
            bars = axes.barh(
                heights,
                [median or 0.0 for median in medians],
                height=0.9,
                label=entrant.title,
                color=_COLOURS[entrant.name],
            )
            axes.bar_label(bars, [number(median) for median in medians], padding=3, fontsize=8)
        middle = (len(shown) - 1) / 2
        axes.set_yticks([cell * (len(shown) + 1) + middle for cell in range(len(cells))], labels)
        axes.invert_yaxis()
        axes.margins(x=0.1)
        values = [value for _, medians in shown for value in medians if value]
        if values and max(values) > _LOGARITHMIC_FROM * min(values):
            axes.set_xscale("log")
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        drawn = StringIO()
        canvas.figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return drawn.getvalue()


def _median(
    result: Result, entrant: Entrant, cell: Mapping[str, Value], figure: str
) -> float | None:
    row = result.row(entrant.name, cell)
    return row.median(figure) if row else None
