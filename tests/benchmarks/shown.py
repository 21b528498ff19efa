"""A result as a table for the terminal."""

from rich.console import Console
from rich.table import Table
from tests.benchmarks.bench import label
from tests.benchmarks.numbers import number
from tests.benchmarks.results import Result


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
            label(row.cell), titles[row.contender], *map(number, medians), number(result.lead(row))
        )
    console.print(table)
    for row in result.rows:
        for failure in row.failures:
            console.print(f"{titles[row.contender]}, {label(row.cell)}: {failure}", markup=False)
