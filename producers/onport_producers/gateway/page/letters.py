"""Dead letters as the page lists them: by what they were answered, the newest first."""

import math
from collections import Counter, deque
from itertools import islice

from onport_queue.clock import Clock
from onport_queue.letters import Filters
from onport_queue.replies import DeadLetter
from onport_queue.store import Queue

SHOWN = 100
MOST_READ = 20_000
"""Each costs some 50 µs of the interpreter that takes sales in."""


def listing(queue: Queue, filters: Filters, clock: Clock) -> dict[str, object]:
    """Return how many letters of each sort there are, and the newest of those chosen.

    Of more than MOST_READ letters the oldest so many are looked at; `is_whole` is false then.
    """
    as_of_ms = math.floor(clock.wall().timestamp() * 1000)
    sorts: Counter[tuple[str, str, str | None]] = Counter()
    newest: deque[DeadLetter] = deque(maxlen=SHOWN)
    chosen = 0
    letters = queue.dead()
    for letter in islice(letters, MOST_READ):
        sorts[letter.kind.value, letter.channel, letter.last_status] += 1
        if filters.match(letter):
            newest.append(letter)
            chosen += 1
    return {
        "as_of_ms": as_of_ms,
        "is_whole": next(letters, None) is None,
        "sorts": [
            {"kind": kind, "channel": channel, "status": status, "letters": many}
            for (kind, channel, status), many in sorts.most_common()
        ],
        "chosen": chosen,
        "letters": [_document(letter) for letter in reversed(newest)],
    }


def _document(letter: DeadLetter) -> dict[str, object]:
    return {
        "key": letter.key,
        "kind": letter.kind.value,
        "channel": letter.channel,
        "died_ms_ago": letter.died_ms_ago,
        "attempts": letter.attempts,
        "status": letter.last_status,
        "text": letter.last_text,
    }
