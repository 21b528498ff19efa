"""The code blocks of a page, and what a comment before one says of how it is run."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^( *)```(.*)$")
_COMMENT = re.compile(r"^<!-- (.*) -->$")
_NOTES = {
    "not_run": re.compile(r"not run: (?P<value>\S.*)"),
    "run_by": re.compile(r"run by (?P<value>\S+)"),
    "says": re.compile(r"runs on, says (?P<value>\S.*)"),
    "exits": re.compile(r"exits (?P<value>\d+)"),
}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: its path in the checkout.
        line: of its opening fence.
        language: what the fence says; empty for a drawing or a formula.
        not_run: why nothing can run it here; then it is only parsed.
        run_by: the test that runs it, with what it needs.
        says: what its last command prints once it serves; it goes on until the page ends.
        exits: what its last command exits with.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str | None = None
    run_by: str | None = None
    says: str | None = None
    exits: str = "0"

    @property
    def place(self) -> str:
        """Where it is, as tools print it."""
        return f"{self.page}:{self.line}"


def pages() -> Sequence[str]:
    """Return the pages whose blocks are run."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def blocks_of(page: str) -> Sequence[Block]:
    """Return the blocks of a page, in its order.

    Raises:
        ValueError: a comment before one is none of the notes above, or a fence is left open.
    """
    return blocks_in((ROOT / page).read_text(encoding="utf-8"), page)


def blocks_in(text: str, page: str) -> Sequence[Block]:
    """Return the blocks of a page's text; see `blocks_of`."""
    found: list[Block] = []
    lines = iter(enumerate(text.splitlines(), start=1))
    before = ""
    for number, line in lines:
        if fence := _FENCE.match(line):
            inside: list[str] = []
            for _, inner in lines:
                if inner.strip() == "```":
                    break
                inside.append(inner.removeprefix(fence[1]))
            else:
                raise ValueError(f"{page}:{number}: a fence that nothing closes")
            content = "".join(f"{inner}\n" for inner in inside)
            note = _note(before, f"{page}:{number}")
            found.append(Block(page, number, fence[2], content, **note))
        before = line or before
    return found


def _note(line: str, place: str) -> dict[str, str]:
    comment = _COMMENT.match(line)
    if comment is None:
        return {}
    for name, pattern in _NOTES.items():
        if note := pattern.fullmatch(comment[1]):
            return {name: note["value"]}
    raise ValueError(
        f"{place}: {line} says nothing that is known; expected one of 'not run: WHY', "
        "'run by TEST', 'runs on, says TEXT', 'exits CODE'"
    )
