"""The files of a schedule: taken one at a time, and put away when they are done with.

Beside the files there are three folders: `claimed/NAME` holds what the schedule NAME is at, `done`
what was accepted whole, `failed` the rest, each with its reasons beside it. A file goes from one
to the other by a rename, so it is whole in one of them, whenever the run is killed.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from onport_producers.schedule.errors import SourceError
from onport_queue.clock import Clock

KEPT_DAYS = 30
"""So long a file stays in `done`."""

_REASONS_SUFFIX = ".reasons.txt"


class Inbox:
    """The files that a glob names, for one schedule."""

    def __init__(self, schedule: str, pattern: str, clock: Clock) -> None:
        self._folder = Path(pattern).parent.absolute()
        self._pattern = Path(pattern).name
        self._claimed = self._folder / "claimed" / schedule
        self._clock = clock

    def claim(self) -> Iterator[Path]:
        """Yield what an earlier run has left, then the files there are now, the oldest first.

        Each is claimed when it is asked for. What has been yielded and is neither `finish`ed nor
        `set_aside` comes again in the next run.

        Raises:
            SourceError: a folder can't be used.
        """
        if not self._folder.is_dir():
            raise SourceError(f"{self._folder}: no such folder")
        try:
            yield from _oldest_first(self._claimed)
            for path in _oldest_first(self._folder, self._pattern):
                if (claimed := self._take(path)) is not None:
                    yield claimed
        except OSError as error:
            raise SourceError(f"{error.filename or self._folder}: {error.strerror}") from error

    def finish(self, file: Path) -> None:
        """Put away a file that was accepted whole."""
        try:
            self._put_away(file, self._place(file, "done"))
        except OSError as error:
            raise SourceError(f"{file}: can't be put away: {error.strerror}") from error

    def set_aside(self, file: Path, reasons: Sequence[str]) -> Path:
        """Put away a file that was not, with the reasons, a line each; return where it is now."""
        try:
            aside = self._place(file, "failed")
            text = "".join(f"{reason}\n" for reason in reasons)
            aside.with_name(aside.name + _REASONS_SUFFIX).write_text(text, encoding="utf-8")
            self._put_away(file, aside)
        except OSError as error:
            raise SourceError(f"{file}: can't be set aside: {error.strerror}") from error
        return aside

    def clear(self) -> None:
        """Delete what has been in `done` for long."""
        longest_ago = self._clock.wall().timestamp() - KEPT_DAYS * 86_400
        for path in _oldest_first(self._folder / "done"):
            if path.stat().st_mtime < longest_ago:
                path.unlink(missing_ok=True)

    def _take(self, path: Path) -> Path | None:
        self._claimed.mkdir(parents=True, exist_ok=True)
        claimed = _free_name(self._claimed, path.name)
        try:
            path.rename(claimed)
        except FileNotFoundError:  # another schedule of this folder, or the shop, was first
            return None
        return claimed

    def _place(self, file: Path, where: str) -> Path:
        folder = self._folder / where
        folder.mkdir(exist_ok=True)
        return _free_name(folder, f"{self._clock.wall():%Y%m%dT%H%M%SZ}-{file.name}")

    def _put_away(self, file: Path, place: Path) -> None:
        # A renamed file keeps its time; from now on it is that of its being put away.
        now_s = self._clock.wall().timestamp()
        os.utime(file, (now_s, now_s))
        file.rename(place)


def _oldest_first(folder: Path, pattern: str | None = None) -> list[Path]:
    """Return the plain files of a folder; like a shell, `*` names none that begins with a dot."""
    found: list[tuple[int, str, Path]] = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if pattern is None or _is_named(entry.name, pattern):
                about = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(about.st_mode):
                    found.append((about.st_mtime_ns, entry.name, Path(entry.path)))
    return [path for _, _, path in sorted(found)]


def _is_named(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) and name.startswith(".") <= pattern.startswith(".")


def _free_name(folder: Path, name: str) -> Path:
    path, number = folder / name, 1
    while path.exists():
        number += 1
        path = folder / f"{number}-{name}"
    return path
