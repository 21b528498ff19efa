"""What of a file was rejected: told, counted, and written to a file of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from onport_producers.imports import Contents, Rejected, Rejects, Source, opened_rejects
from onport_worker.cli.exits import UsageError, tell

_TOLD = 20


class Rejections:
    """Takes what was rejected."""

    def __init__(self, source: str, rejects: Rejects | None) -> None:
        self.many = 0
        self._source = source
        self._rejects = rejects

    def add(self, rejected: Rejected) -> None:
        """Tell, count and write one."""
        self.many += 1
        if self.many <= _TOLD:
            tell(str(replace(rejected.fault, source=self._source)))
        if self.many == _TOLD + 1:
            tell("more was rejected; it is not told one by one")
        if self._rejects is not None:
            self._rejects.add(rejected)


@contextmanager
def opened_rejections(
    source: Source, contents: Contents, file: Path | None
) -> Iterator[Rejections]:
    """Take what is rejected of a source while the context lasts.

    Raises:
        UsageError: the file of rejects is the source itself, or can't be written.
    """
    if file is None:
        yield Rejections(source.name, None)
        return
    try:
        if file.exists() and Path(source.name).exists() and file.samefile(source.name):
            raise UsageError(f"--rejects {file}: the file that is read, expected another")
        with opened_rejects(file, contents.header) as rejects:
            yield Rejections(source.name, rejects)
    except OSError as error:
        raise UsageError(f"--rejects {file}: can't be written: {error.strerror}") from error
