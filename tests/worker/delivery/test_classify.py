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
        (Answered(301), Meaning.REFUSED),
        (Answered(304), Meaning.REFUSED),
        (Answered(400), Meaning.REFUSED),
        (Answered(401), Meaning.REFUSED),
        (Answered(403), Meaning.REFUSED),
        (Answered(404), Meaning.REFUSED),
        (Answered(405), Meaning.REFUSED),
        (Answered(413), Meaning.REFUSED),
        (Answered(422), Meaning.REFUSED),
    ],
)
def test_every_outcome_has_one_meaning(outcome: Outcome, meaning: Meaning) -> None:
    assert classify(outcome) is meaning
