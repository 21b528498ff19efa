"""The other end of the alert webhook."""

import json
from typing import Any

from tests.acceptance.recorder import Recorder


class Receiver(Recorder):
    """Takes what is told; its address has a secret in it."""

    def __init__(self, *, status: int = 200) -> None:
        super().__init__(status=status, path="/services/T0KEN")

    @property
    def got(self) -> list[dict[str, Any]]:
        """What was told, in order."""
        return [json.loads(request.body) for request in list(self.requests)]

    def told(self, alert: str) -> list[str]:
        """Return the states of one sort of alert, in order."""
        return [one["state"] for one in self.got if one["alert"] == alert]
