"""A result as a table for the terminal."""

from rich.console import Console
from rich.table import Table
from tests.benchmarks.bench import label
from tests.benchmarks.results import Result, Row


def show(result: Result, console: Console) -> None:
    """Print the medians, and for the first figure how many times as much the relay does."""
    console.print(f"\n[bold]{result.bench}[/bold]: {result.question}")
    table = Table("cell", "contender", box=None)
    for figure in result.figures:
        unit = f" [{figure.unit}]" if figure.unit else ""
        table.add_column(figure.name + unit.replace("[", "\\["), justify="right")
    table.add_column("relay / it", justify="right")
    titles = {entrant.name: entrant.title for entrant in result.entrants}
    for row in result.rows:
        medians = (row.median(figure.name) for figure in result.figures)
        table.add_row(
            label(row.cell), titles[row.contender], *map(number, medians), _ratio(result, row)
        )
    console.print(table)
    for row in result.rows:
        for failure in row.failures:
            console.print(f"{titles[row.contender]}, {label(row.cell)}: {failure}", markup=False)


def number(value: float | None) -> str:
    """Return a value with three digits that count."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _ratio(result: Result, row: Row) -> str:
    relay = result.row("relay", row.cell)
    if relay is None or row is relay or not result.figures:
        return ""
    return number(result.ratio(result.figures[0].name, relay, row))
