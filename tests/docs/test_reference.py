import pytest
from pydantic import BaseModel
from tests.docs.reference import FOLDER, PAGES
from tests.docs.settings_page import TABLES

from onport_queue.settings import Settings


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_reference_says_what_the_code_does(name: str) -> None:
    committed = (FOLDER / name).read_text(encoding="utf-8")
    # Unequal: python -m tests.docs.reference writes it anew.
    assert committed == PAGES[name]()


def test_every_model_of_the_settings_has_a_table() -> None:
    found: set[type[BaseModel]] = set()

    def walk(annotation: object) -> None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.add(annotation)
            for field in annotation.model_fields.values():
                walk(field.annotation)
        for part in getattr(annotation, "__args__", ()):
            walk(part)

    walk(Settings)

    assert found == {model for _, _, _, model in TABLES}
