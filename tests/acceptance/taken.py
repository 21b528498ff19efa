"""Which of a key's puts the queue has taken: what was acknowledged, and maybe more. Pure."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from tests.acceptance.history import Told

# More puts of one key than this whose outcome is unknown would make too many combinations.
MOST_UNSURE = 8


def possibly_taken(told: Sequence[Told]) -> Iterator[list[int]]:
    """Yield every choice of places in a key's puts that may have been taken.

    A put that was refused was not; of one whose outcome is unknown nobody can say.
    """
    certain = [place for place, word in enumerate(told) if word.is_certain]
    unsure = [place for place, word in enumerate(told) if word is Told.UNKNOWN]
    if len(unsure) > MOST_UNSURE:
        raise ValueError(f"{len(unsure)} unknown puts of one key, expected at most {MOST_UNSURE}")
    for many in range(len(unsure) + 1):
        for chosen in combinations(unsure, many):
            yield sorted([*certain, *chosen])
