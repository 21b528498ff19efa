"""Every block of every page is run, or says why it is not."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.docs.blocks import ROOT, Block, blocks_in, blocks_of, pages
from tests.docs.languages import LANGUAGES, Tool
from tests.docs.scenes import scene_of
from tests.docs.stage import Stage

PAGES = [page for page in pages() if blocks_of(page)]


@pytest.mark.timeout(240)  # a page may start a dozen processes, and other tests run beside it
@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run(
    page: str,
    relay_program: str,
    require_tool: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    with scene_of(page)(tmp_path, relay_program) as stage:
        for block in blocks_of(page):
            perform(block, stage, require_tool)


def perform(block: Block, stage: Stage, tool: Tool) -> None:
    """Do with a block what its language and its note say; fail if they say nothing known."""
    known = ", ".join(sorted(LANGUAGES))
    assert block.language in LANGUAGES, f"{block.place}: expected one of {known}"
    language = LANGUAGES[block.language]
    if block.run_by is not None:
        test = ROOT / block.run_by
        assert test.is_file(), f"{block.place}: no such test: {block.run_by}"
        assert Path(block.page).name in test.read_text(), (
            f"{block.place}: {test} reads another page"
        )
    for held, happens in stage.meanwhile.items():
        if held in block.text:
            happens()
    if block.not_run or block.run_by:
        language.parse(block, stage, tool)
    else:
        language.run(block, stage, tool)


@pytest.mark.parametrize("page", pages())
def test_no_block_is_overlooked(page: str) -> None:
    fences = re.findall(r"^ *```", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)

    assert len(blocks_of(page)) == len(fences) / 2


def test_a_note_says_how_a_block_is_run() -> None:
    text = "<!-- not run: needs a card -->\n```sh\npay\n```\n<!-- exits 2 -->\n\n```\n```\n"

    first, second = blocks_in(text, "page.md")

    assert (first.not_run, first.exits, first.text) == ("needs a card", "0", "pay\n")
    assert (second.not_run, second.exits, second.place) == (None, "2", "page.md:7")


@pytest.mark.parametrize("note", ["skip", "not run:", "not run"])
def test_a_note_without_a_reason_is_refused(note: str) -> None:
    with pytest.raises(ValueError, match="says nothing that is known"):
        blocks_in(f"<!-- {note} -->\n```sh\n```\n", "page.md")
