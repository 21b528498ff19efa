"""What was meant against what arrived, as Jepsen's total-queue accounts. Pure.

Lost, unexpected and stale must be empty; duplicates are counted and bounded by whoever knows what
was in flight; what a producer never heard of again may be there or not.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from tests.acceptance.history import Put, Told
from tests.acceptance.taken import possibly_taken
from tests.acceptance.wishes import carried_by, wishes_in

from onport_queue.fold import Fragment, dump, folded
from onport_sandbox import Kind, Receipt, canonical_digest

_TAG_OF_KIND = {Kind.ACKNOWLEDGE: "A", Kind.DISCONNECT: "D"}
_FAMILY = {Kind.SALE: "sale", Kind.PRODUCT: "product"}

_Key = tuple[str, ...]
_Digest = tuple[str, str]
_Meant = dict[_Key, list[tuple[Put, Told]]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The account; each key is (family, key), of variants (family, sku, link).

    Attributes:
        attempted, acknowledged, spooled: puts; those that were spooled are acknowledged too.
        arrived: items that were applied.
        lost: acknowledged puts whose effect is nowhere: not arrived, not held.
        unexpected: keys of which something arrived that no put explains.
        stale: keys whose last arrival is not the newest that was acknowledged.
        duplicates: items that arrived again.
        recovered: puts of an unknown outcome that arrived all the same.
        held: keys that the queue has not done with, or has given up.
    """

    attempted: int
    acknowledged: int
    spooled: int
    arrived: int
    lost: tuple[_Key, ...]
    unexpected: tuple[_Key, ...]
    stale: tuple[_Key, ...]
    duplicates: int
    recovered: int
    held: tuple[_Key, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """What is off; empty if all is well."""
        found = (("lost", self.lost), ("unexpected", self.unexpected), ("stale", self.stale))
        return tuple(f"{name} {len(keys)}: {keys[:5]}" for name, keys in found if keys)


def account(
    histories: Iterable[Sequence[tuple[Put, Told]]],
    receipts: Iterable[Receipt],
    held: Iterable[_Key] = (),
) -> Verdict:
    """Compare the producers' logs with the endpoint's receipts and what the queue still holds."""
    puts = _by_key(histories)
    arrived = _arrivals(receipts)
    meant, arrivals = _by_link(puts, arrived)
    held_keys = set(held)
    judged = {key: _judge(meant[key], arrivals.get(key, [])) for key in meant}
    finished = {key: one for key, one in judged.items() if key[:2] not in held_keys}
    told = Counter(word for entries in puts.values() for _, word in entries)
    return Verdict(
        attempted=told.total(),
        acknowledged=told[Told.ACKNOWLEDGED] + told[Told.SPOOLED],
        spooled=told[Told.SPOOLED],
        arrived=sum(map(len, arrived.values())),
        lost=tuple(key for key, one in finished.items() for _ in range(one.lost)),
        unexpected=tuple(key for key in arrivals if key not in meant or judged[key].is_unexpected),
        stale=tuple(key for key, one in finished.items() if one.is_stale),
        duplicates=sum(many - 1 for seen in arrived.values() for many in Counter(seen).values()),
        recovered=sum(one.recovered for one in judged.values()),
        held=tuple(held_keys),
    )


@dataclass(frozen=True, slots=True)
class _Judgement:
    lost: int = 0
    is_unexpected: bool = False
    is_stale: bool = False
    recovered: int = 0


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring puts of a key that one request may have carried together."""

    digest: _Digest
    covers: frozenset[int]
    is_newest: bool


def _by_key(histories: Iterable[Sequence[tuple[Put, Told]]]) -> _Meant:
    """Return the puts of each key in the order of their versions."""
    meant: _Meant = defaultdict(list)
    for put, told in chain.from_iterable(histories):
        meant[put.family, put.key].append((put, told))
    return {key: sorted(puts, key=lambda entry: entry[0].version) for key, puts in meant.items()}


def _by_link(
    meant: _Meant, arrived: dict[_Key, list[_Digest]]
) -> tuple[_Meant, dict[_Key, list[_Digest]]]:
    """Take variants apart: every link has its own newest wish, whatever it travelled with.

    An item that no fold of the variant's puts explains stays under the variant, where no put is.
    """
    puts: _Meant = defaultdict(list)
    seen: dict[_Key, list[_Digest]] = defaultdict(list)
    for key in meant.keys() | arrived.keys():
        if key[0] != "variant":
            puts[key] += meant.get(key, ())
            seen[key] += arrived.get(key, ())
            continue
        for put, told in meant.get(key, ()):
            for wish in wishes_in(put):
                alone = replace(put, body=wish.body)
                puts[*key, wish.link].append((alone, told))
        carried = carried_by(meant[key]) if key in meant else {}
        for item in arrived.get(key, ()):
            if item not in carried:
                seen[key].append(item)
            for wish in carried.get(item, ()):
                seen[*key, wish.link].append((wish.tag, canonical_digest(wish.body)))
    return {key: entries for key, entries in puts.items() if entries}, seen


def _arrivals(receipts: Iterable[Receipt]) -> dict[_Key, list[_Digest]]:
    arrivals: dict[_Key, list[_Digest]] = defaultdict(list)
    for receipt in receipts:
        if receipt.applied:
            family = _FAMILY.get(receipt.kind, "variant")
            tag = _TAG_OF_KIND.get(receipt.kind, "")
            for item in receipt.items:
                arrivals[family, item.key or "?"].append((tag, item.digest))
    return arrivals


def _judge(puts: Sequence[tuple[Put, Told]], seen: Sequence[_Digest]) -> _Judgement:
    """Judge one key by the explanation that is best for the queue."""
    certain = {place for place, (_, told) in enumerate(puts) if told.is_certain}
    ranked = [
        _judge_taken([puts[place][0] for place in taken], taken, certain, seen)
        for taken in possibly_taken([told for _, told in puts])
    ]
    return min(ranked, key=lambda one: (one.is_unexpected, one.lost, one.is_stale, -one.recovered))


def _judge_taken(
    puts: Sequence[Put], places: Sequence[int], certain: set[int], seen: Sequence[_Digest]
) -> _Judgement:
    runs: dict[_Digest, list[_Run]] = defaultdict(list)
    for run in _runs(puts):
        runs[run.digest].append(run)
    covered = {at for digest in seen for run in runs.get(digest, ()) for at in run.covers}
    lost = [at for at in range(len(puts)) if at not in covered]
    newest = bool(seen) and any(run.is_newest for run in runs.get(seen[-1], ()))
    return _Judgement(
        lost=sum(places[at] in certain for at in lost),
        is_unexpected=any(digest not in runs for digest in seen),
        is_stale=bool(seen) and not newest and len(lost) == 0,
        recovered=sum(places[at] not in certain for at in covered),
    )


def _runs(puts: Sequence[Put]) -> Iterator[_Run]:
    """Yield all that a request may have carried: puts i..j in version order, folded."""
    for end in range(len(puts)):
        for begin in range(end, -1, -1):
            chosen = puts[begin : end + 1]
            is_whole = chosen[0].tag != "P"
            covers = frozenset(range(end + 1) if is_whole else range(begin, end + 1))
            yield _Run(_digest(chosen), covers, end == len(puts) - 1)
            if is_whole:  # what came before is folded away
                break


def _digest(puts: Sequence[Put]) -> _Digest:
    tag = puts[-1].tag if puts[-1].tag in "AD" else ""
    fragments = [Fragment(put.tag, "", dump(put.body)) for put in puts]
    return tag, canonical_digest(json.loads(folded(fragments)))
