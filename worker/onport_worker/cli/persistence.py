"""Whether what is written at a path is still there after a restart."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")
# In memory, or thrown away with the container.
_FLEETING = frozenset({"tmpfs", "ramfs", "overlay"})


def doubts(path: Path) -> Iterator[str]:
    """Yield why a file at this path may not persist, or can't be made, as far as can be told."""
    folder = nearest_folder(path)
    if not os.access(folder, os.W_OK | os.X_OK):
        yield f"{path} can't be written: {folder} is not writable here"
    kind = _file_system(folder, _mounts())
    if kind in _FLEETING:
        yield f"{path} may not persist: {folder} is on {kind}"
    elif folder.is_relative_to(Path(tempfile.gettempdir()).resolve()):
        yield f"{path} may not persist: it is among temporary files"


def nearest_folder(path: Path) -> Path:
    """Return the folder that there is already, of those that a path leads through."""
    return next(parent for parent in path.resolve().parents if os.path.isdir(parent))  # noqa: PTH112 - Path's own raises where it may not look


def _mounts() -> list[tuple[Path, str]]:
    try:
        lines = _MOUNTS.read_text().splitlines()
    except OSError:
        return []
    return [(_unescaped(line.split()[1]), line.split()[2]) for line in lines]


def _unescaped(text: str) -> Path:
    return Path(text.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))


def _file_system(folder: Path, mounts: list[tuple[Path, str]]) -> str | None:
    """Return the kind of the deepest mount that holds the folder; a later one hides an earlier."""
    holding = [(len(at.parts), kind) for at, kind in mounts if folder.is_relative_to(at)]
    deepest = max((depth for depth, _ in holding), default=0)
    return next((kind for depth, kind in reversed(holding) if depth == deepest), None)
