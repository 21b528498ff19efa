import pytest

from onport_worker.delivery.classify import Meaning, classify
from onport_worker.delivery.outcome import Ambiguous, Answered, NotSent, Outcome


@pytest.mark.parametrize(
    ("outcome", "meaning"),
    [
        (Answered(200), Meaning.DELIVERED),
        (Answered(201), Meaning.DELIVERED),
        (Answered(204), Meaning.DELIVERED),
        (Answered(299), Meaning.DELIVERED),
        (Answered(429), Meaning.THROTTLED),
        (Answered(408), Meaning.TRY_LATER),
        (Answered(425), Meaning.TRY_LATER),
        (Answered(500), Meaning.TRY_LATER),
        (Answered(502), Meaning.TRY_LATER),
        (Answered(503), Meaning.TRY_LATER),
        (Answered(504), Meaning.TRY_LATER),
        (Answered(599), Meaning.TRY_LATER),
        (NotSent("ConnectError"), Meaning.TRY_LATER),
        (Ambiguous("ReadTimeout"), Meaning.TRY_LATER),
        (Answered(300), Meaning.MISDIRECTED),
        (Answered(301), Meaning.MISDIRECTED),
        (Answered(302), Meaning.MISDIRECTED),
        (Answered(304), Meaning.MISDIRECTED),
        (Answered(307), Meaning.MISDIRECTED),
        (Answered(308), Meaning.MISDIRECTED),
        (Answered(400), Meaning.REFUSED),
        (Answered(401), Meaning.DENIED),
        (Answered(403), Meaning.DENIED),
        (Answered(404), Meaning.MISDIRECTED),
        (Answered(405), Meaning.MISDIRECTED),
        (Answered(413), Meaning.REFUSED),
        (Answered(409), Meaning.REFUSED),
        (Answered(410), Meaning.REFUSED),
        (Answered(415), Meaning.REFUSED),
        (Answered(422), Meaning.REFUSED),
        (Answered(100), Meaning.MISDIRECTED),
    ],
)
def test_every_outcome_has_one_meaning(outcome: Outcome, meaning: Meaning) -> None:
    assert classify(outcome) is meaning
