"""docs/benchmarks.md and its plots, from the kept results and nothing else."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.benchmarks.bench import label
from tests.benchmarks.catalogue import BENCHES
from tests.benchmarks.goals import GOALS
from tests.benchmarks.numbers import number
from tests.benchmarks.plots import plots
from tests.benchmarks.results import FOLDER, Entrant, Figure, Machine, Result, Row, load

DOCS = Path(__file__).parents[2] / "docs"
PAGE, PICTURES = "benchmarks.md", "benchmarks"

_HEAD = """\
# Benchmarks

What a merchant has of the relay, and of what they would use instead: how much of the allowed rate
is used, how long a new order waits behind a catalogue, what a day's changes and a crash cost.

<!-- not run: it takes from minutes to hours -->
```sh
./relay bench --list       # what there is, and how long each takes
./relay bench --quick      # one cell of each, the relay and plain Celery: under 8 minutes
./relay bench drain        # one bench in full, with everybody; kept, and shown on this page
```

This page is generated from `tests/benchmarks/results/*.json` after each full run.

## Method

- **One machine, one run.** In each run everybody takes their turn in every cell, so a ratio
  compares two trials that were made minutes apart; given are the medians of all runs, and the range
  of the first figure. `relay / it` is the median of the ratios of the runs, of the first figure.
- **At the same time** run contenders that together leave the processors time to spare, at low
  rates; each has a broker and an endpoint of its own, and the clock starts when all are at work. A
  bench that does so says it, and which of its cells are left to some of the contenders.
- **The same for all**: a fresh embedded Valkey (`appendfsync everysec` unless a cell says
  otherwise) and a fresh sandbox as the endpoint for each trial, in processes of their own; the same
  payloads, drawn by the seed (`tests/benchmarks/payloads.py`); httpx as the HTTP client, one for
  each request in flight (the relay goes past the client to its transport,
  [which is cheaper](decisions/0014-a-connection-each.md)); as many processes and requests in
  flight.
- **Measured at the endpoint**: arrivals are the sandbox's receipts, not what a contender says.
  Jobs are put before the workers start, and the clock starts a while after the first arrival, so
  that nobody's start counts.
- **Everybody at their best.** Each contender is set up as its documentation advises, and better
  where we knew how; what was chosen and why stands at the top of `tests/benchmarks/peers/*/app.py`.
  Each runs in an environment of its own lock (`requirements.lock` there).
- **Processor time** is that of the workers' processes and of the broker, as the kernel counts it.
"""


def render(results: Mapping[str, Result]) -> Mapping[str, str]:
    """Return the page and its plots, by their paths below docs/."""
    files: dict[str, str] = {}
    sections = [_HEAD]
    if results:
        sections.append("\n".join(_goals(results)) + "\n")
    for name in BENCHES:
        if name in results:
            result = results[name]
            for plot in plots(result):
                files[f"{PICTURES}/{plot.file}"] = plot.svg
            sections.append("\n".join(_section(result)) + "\n")
    files[PAGE] = "\n".join(sections)
    return files


def write(docs: Path = DOCS) -> None:
    """Write the page of the kept results; plots of benches that are gone go, too."""
    files = render(load())
    pictures = docs / PICTURES
    pictures.mkdir(exist_ok=True)
    for old in pictures.glob("*.svg"):
        old.unlink()
    for path, text in files.items():
        (docs / path).write_text(text, encoding="utf-8")


def _goals(results: Mapping[str, Result]) -> Iterator[str]:
    yield "## Goals"
    yield ""
    yield "Of the relay, in the worst cell that is spoken of."
    yield ""
    yield "| goal | bench | wanted | reached | met |"
    yield "| --- | --- | ---: | ---: | --- |"
    for goal in GOALS:
        reached = goal.reached(results)
        missed = f"no, see [{goal.bench}](#{goal.bench})"
        met = "-" if reached is None else "yes" if goal.is_met(reached) else missed
        wanted = f"{goal.bound} {number(goal.wanted)}"
        yield f"| {goal.text} | {goal.bench} | {wanted} | {number(reached)} | {met} |"


def _section(result: Result) -> Iterator[str]:
    yield f"## {result.bench}"
    yield ""
    yield result.question
    yield ""
    for plot in plots(result):
        yield f"![{plot.alternative}]({PICTURES}/{plot.file})"
        yield ""
    yield from _table(result)
    yield ""
    yield "; ".join(_meaning(figure) for figure in result.figures) + "."
    yield ""
    yield from _failures(result)
    # Why a goal is missed, with its profile, is written by hand.
    notes = FOLDER / f"{result.bench}.md"
    if notes.exists():
        yield notes.read_text(encoding="utf-8")
    yield from _conditions(result)


def _table(result: Result) -> Iterator[str]:
    titles = {entrant.name: entrant.title for entrant in result.entrants}
    heads = [f"{one.name}{f' [{one.unit}]' if one.unit else ''}" for one in result.figures]
    yield f"| cell | contender | {' | '.join(heads)} | relay / it |"
    yield f"| --- | --- | {' | '.join('---:' for _ in heads)} | ---: |"
    for cell in result.cells():
        for row in (row for row in result.rows if row.cell == cell):
            first, *others = result.figures
            medians = [_with_range(row, first), *(number(row.median(one.name)) for one in others)]
            ratio = number(result.lead(row))
            yield f"| {label(cell)} | {titles[row.contender]} | {' | '.join(medians)} | {ratio} |"


def _with_range(row: Row, figure: Figure) -> str:
    values = [value for value in row.values.get(figure.name, ()) if value is not None]
    if len(set(values)) < 2:
        return number(row.median(figure.name))
    return f"{number(row.median(figure.name))} ({number(min(values))} to {number(max(values))})"


def _failures(result: Result) -> Iterator[str]:
    titles = {entrant.name: entrant.title for entrant in result.entrants}
    failures = [
        f"- {titles[row.contender]}, {label(row.cell)}: {failure}"
        for row in result.rows
        for failure in row.failures
    ]
    if failures:
        yield from ("What failed:", "", *failures, "")


def _conditions(result: Result) -> Iterator[str]:
    yield "<details><summary>Machine, versions, settings</summary>"
    yield ""
    extent = "" if result.extent == "full" else f" ({result.extent})"
    last_seed = result.seed + result.runs - 1
    seeds = f"{result.seed}" if result.runs == 1 else f"{result.seed} to {last_seed}"
    yield f"{result.date}, {_machine(result.machine)}."
    yield f"Runs: {result.runs}{extent}, seeds {seeds}, {result.seconds / 60:.0f} minutes in all."
    yield ""
    yield "| contender | set up | versions |"
    yield "| --- | --- | --- |"
    for entrant in result.entrants:
        yield f"| {entrant.title} | {entrant.setup} | {_versions(entrant)} |"
    yield ""
    yield "</details>"


def _machine(facts: Machine) -> str:
    return (
        f"{facts.processor}, {facts.cores} cores, {facts.memory_gb:g} GB, {facts.kernel}, "
        f"{facts.python}, Valkey {facts.valkey}, load {facts.load:g} before"
    )


def _versions(entrant: Entrant) -> str:
    return ", ".join(f"{name} {version}" for name, version in entrant.versions.items()) or "-"


def _meaning(figure: Figure) -> str:
    return f"*{figure.name}*: {figure.meaning} ({figure.better} is better)"
