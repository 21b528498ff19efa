"""What a browser loads: files as they are written, without a build."""

from pathlib import Path

FOLDER = Path(__file__).parent / "static"

SHELL = (FOLDER / "page.html").read_bytes()
"""The page without anything in it: whoever loads it has yet to show the token."""

OFF_PAGE = (FOLDER / "off.html").read_bytes()
"""What stands in its place where there is no token."""
