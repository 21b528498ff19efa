"""The webhook that is told; its address is a secret, for it may let anybody post."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from pydantic import SecretStr
from tenacity import Retrying, retry_if_exception_type, wait_random_exponential

from onport_queue.errors import RelayError

_TIMEOUT_S = 5.0
_ATTEMPTS = 3
_LONGEST_PAUSE_S = 1.0
_PASSING = frozenset({408, 425, 429})


class WebhookError(RelayError):
    """The webhook did not take it. Its text says what it did instead, never where it is."""


class _PassingError(WebhookError):
    """It may take it when it is asked again."""


class Webhook:
    """Posts JSON, within some 20 s at the most.

    Args:
        url: where.
        is_stopped: whether to give up trying.
        transport: of tests.
    """

    def __init__(
        self,
        url: SecretStr,
        *,
        is_stopped: Callable[[], bool] = lambda: False,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        # At INFO and DEBUG they log the address of every request.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._url = url
        self._is_stopped = is_stopped
        self._client = httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, transport=transport)

    def post(self, document: Mapping[str, Any]) -> None:
        """Post a document; tried again if that may help.

        Raises:
            WebhookError: it was not taken, or nobody knows.
        """
        Retrying(
            retry=retry_if_exception_type(_PassingError),
            stop=lambda state: self._is_stopped() or state.attempt_number >= _ATTEMPTS,
            wait=wait_random_exponential(multiplier=0.1, max=_LONGEST_PAUSE_S),
            reraise=True,
        )(self._post, document)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _post(self, document: Mapping[str, Any]) -> None:
        try:
            with self._client.stream("POST", self._url.get_secret_value(), json=document) as answer:
                status = answer.status_code
        except httpx.TransportError as error:
            # Without its text, and without itself: they may have the address.
            raise _PassingError(f"webhook: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise WebhookError(f"webhook: {type(error).__name__}") from None
        if status in _PASSING or status >= 500:
            raise _PassingError(f"webhook: answered {status}")
        if not 200 <= status < 300:
            raise WebhookError(f"webhook: answered {status}, expected 2xx")
