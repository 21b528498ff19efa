"""Every link of every page leads somewhere, and every page can be reached."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from tests.docs.blocks import ROOT, pages

LINKING = [*pages(), "CHANGELOG.md", "SECURITY.md", "sandbox/README.md"]

_FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def links(page: str) -> Iterator[str]:
    text = _FENCED.sub("", (ROOT / page).read_text(encoding="utf-8"))
    return (link[1] for link in _LINK.finditer(text) if "://" not in link[1])


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(_FENCED.sub("", path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKING)
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    dead = []
    for link in links(page):
        place, _, anchor = unquote(link).partition("#")
        target = (ROOT / page).parent / place if place else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)

    assert dead == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, todo = set[str](), ["README.md"]
    while todo:
        page = todo.pop()
        if page in reached or not (ROOT / page).is_file():
            continue
        reached.add(page)
        for link in links(page):
            target = ((ROOT / page).parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md":
                todo.append(str(target.relative_to(ROOT)))
            elif target.is_dir():
                todo += [str(path.relative_to(ROOT)) for path in target.glob("*.md")]

    assert set(pages()) - reached == set()


@pytest.mark.parametrize(
    "drawing", sorted((ROOT / "docs").rglob("*.svg")), ids=lambda path: path.name
)
def test_a_drawing_can_be_read_in_light_and_dark_and_needs_nothing_else(drawing: Path) -> None:
    root = ET.parse(drawing).getroot()
    text = drawing.read_text(encoding="utf-8")

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    if drawing.parent.name == "benchmarks":  # plots bring their own paper, and refer to themselves
        first = root.find(".//{*}path")
        assert first is not None
        assert first.get("style") == "fill: #ffffff"
        text = text.replace('href="#', "")
    else:
        assert "prefers-color-scheme: dark" in text
    assert not re.search(r"<script|<image|href=|@import|url\(h", text)
