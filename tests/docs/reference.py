"""The pages of docs/reference/ that the code writes.

python -m tests.docs.reference      writes them anew
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.docs.command_page import command_page
from tests.docs.settings_page import settings_page

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "command-line.md": command_page,
}


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
