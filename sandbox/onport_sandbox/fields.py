"""The typed reading of a JSON object that this package wrote itself."""

from collections.abc import Mapping

from onport_sandbox.documents import Json


class Fields:
    """Reads the fields of one object; a ValueError names the field that is not as expected."""

    def __init__(self, document: Json) -> None:
        if not isinstance(document, dict):
            raise ValueError(f"got {type(document).__name__}, expected an object")  # noqa: TRY004 (bad data)
        self._values = document

    def text(self, name: str) -> str:
        """Return a string."""
        value = self._present(name)
        if isinstance(value, str):
            return value
        raise self._wrong(name, "a string")

    def text_or_none(self, name: str) -> str | None:
        """Return a string, or None for null."""
        return None if self._present(name) is None else self.text(name)

    def number(self, name: str) -> float:
        """Return a number."""
        value = self._present(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        raise self._wrong(name, "a number")

    def integer(self, name: str) -> int:
        """Return an integer."""
        value = self._present(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise self._wrong(name, "an integer")

    def integer_or_none(self, name: str) -> int | None:
        """Return an integer, or None for null."""
        return None if self._present(name) is None else self.integer(name)

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        value = self._present(name)
        if isinstance(value, bool):
            return value
        raise self._wrong(name, "true or false")

    def objects(self, name: str) -> list["Fields"]:
        """Return the objects of an array."""
        value = self._present(name)
        if isinstance(value, list):
            return [Fields(element) for element in value]
        raise self._wrong(name, "an array of objects")

    def counts(self, name: str) -> Mapping[str, int]:
        """Return an object whose values are integers."""
        inner = Fields(self._present(name))
        return {key: inner.integer(key) for key in inner.names()}

    def names(self) -> tuple[str, ...]:
        """Return the names of all fields."""
        return tuple(self._values)

    def _present(self, name: str) -> Json:
        if name not in self._values:
            raise ValueError(f"{name} is missing")
        return self._values[name]

    def _wrong(self, name: str, expected: str) -> ValueError:
        return ValueError(f"{name}: got {self._values[name]!r}, expected {expected}")
