"""The columns of a shop's export, found by the names they have in it."""

from collections.abc import Callable, Mapping, Sequence

from onport_producers.imports.errors import UnreadableError

Names = Mapping[str, tuple[str, ...]]
"""What a column is called here: what exports call it, in lower case."""


class Header:
    """Where an export's columns are; one that is not there has empty cells."""

    def __init__(
        self, header: Sequence[str], names: Names, clean: Callable[[str], str] = str.strip
    ) -> None:
        self._shown = header
        self._names = names
        self._clean = clean
        places: dict[str, int] = {}
        for place, column in enumerate(header):
            places.setdefault(column.strip().casefold(), place)
        self._places = {
            ours: places[theirs]
            for ours, all_theirs in names.items()
            for theirs in reversed(all_theirs)
            if theirs in places
        }

    def __contains__(self, ours: str) -> bool:
        return ours in self._places

    def cell(self, cells: Sequence[str], ours: str) -> str:
        """Return what a cell says; by default its text without the blanks around it."""
        place = self._places.get(ours)
        return "" if place is None else self._clean(cells[place])

    def name(self, ours: str) -> str:
        """Return what the file calls a column, or would call it."""
        return self._shown[self._places[ours]] if ours in self else self._names[ours][0]

    def demand(self, line: int, *needed: str) -> None:
        """Check that there are columns that nothing can do without.

        Raises:
            UnreadableError: naming the first that is missing.
        """
        for ours in needed:
            if ours not in self:
                shown = ", ".join(self._shown)[:200]
                theirs = " or ".join(repr(name) for name in self._names[ours])
                raise UnreadableError(f"no column {theirs} (columns: {shown})", line)
