"""What the gate has learnt or was told: facts, worded by whoever tells them."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class EventName(StrEnum):
    """What happened."""

    RATE_LOWERED = "rate_lowered"
    """A 429 was answered at the rate `from_`; it goes on at `to`, and climbs to `limit`."""
    RATE_RESTORED = "rate_restored"
    """Nothing was refused for so long that the rate is the configured one again."""
    RATE_SET = "rate_set"
    """An operator set the rate `to`, or gave back the configured one (None)."""
    OUTAGE_BEGAN = "outage_began"
    """The breaker opened after so many `failures` in a row; `status` is what was answered last, or
    `cause` what kept the answer away."""
    OUTAGE_ENDED = "outage_ended"
    """A probe was answered, so many `seconds` after the breaker had opened."""
    PAUSED = "paused"
    """`scope` was paused, by its `cause`; `status` is what was answered, if that was the cause."""
    RESUMED = "resumed"
    """`scope` is no longer paused, which it was by its `cause`."""
    SIZE_LEARNED = "size_learned"
    """Batches of `kind` are held to so many `items` or `bytes`, since larger ones are refused."""

    EMPTIED = "emptied"
    """The broker came back without its data: what it had accepted before is not here."""


class Event(BaseModel):
    """One event; which facts it has depends on its name."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    name: EventName
    ago_ms: int = 0
    from_: float | None = None
    to: float | None = None
    limit: float | None = None
    failures: int | None = None
    seconds: float | None = None
    scope: str | None = None
    cause: str | None = None
    status: str | None = None
    kind: str | None = None
    items: int | None = None
    bytes: int | None = None

    def facts(self) -> dict[str, object]:
        """Return what is known, without name and time."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"name", "ago_ms"})
