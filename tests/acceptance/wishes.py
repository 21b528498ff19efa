"""What requests about a variant may have carried, and so which wish about which link. Pure.

A receipt names an item by its digest alone. So every item is made that the variant's puts can have
become: of each run of neighbouring puts the newest wish of every link, those of one kind together.
Links may stand in any order, for a retry puts the newer wishes in the older ones' places.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from tests.acceptance.history import Put, Told
from tests.acceptance.taken import possibly_taken

from onport_sandbox import canonical_digest


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish about one link: of which tag, in which words."""

    link: str
    tag: str
    text: str

    @property
    def body(self) -> dict[str, Any]:
        """The link as it is sent."""
        found: dict[str, Any] = json.loads(self.text)
        return found


def wishes_in(put: Put) -> tuple[Wish, ...]:
    """Return the wishes of a put about a variant."""
    return tuple(
        Wish(link["vendorSku"], put.tag, json.dumps(link)) for link in put.body["vendorSkus"]
    )


def carried_by(puts: Sequence[tuple[Put, Told]]) -> dict[tuple[str, str], tuple[Wish, ...]]:
    """Return what is behind each (tag, digest) that one variant's puts, in order, can lead to."""
    chosen = {
        wishes
        for taken in possibly_taken([told for _, told in puts])
        for wishes in _together([puts[place][0] for place in taken])
    }
    carried = {}
    for wishes in chosen:
        for ordered in permutations(wishes):
            item = {"sku": puts[0][0].key, "vendorSkus": [wish.body for wish in ordered]}
            carried[ordered[0].tag, canonical_digest(item)] = ordered
    return carried


def _together(puts: Sequence[Put]) -> Iterator[frozenset[Wish]]:
    links = {wish.link for put in puts for wish in wishes_in(put)}
    for end in range(len(puts)):
        newest: dict[str, Wish] = {}
        for begin in range(end, -1, -1):
            for wish in wishes_in(puts[begin]):
                newest.setdefault(wish.link, wish)
            for tag in "AD":
                if wishes := frozenset(one for one in newest.values() if one.tag == tag):
                    yield wishes
            if newest.keys() == links:  # what came before is folded away
                break
