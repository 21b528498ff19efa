"""The page's own paths: a shell for everybody, and behind the token what is in it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pydantic import ValidationError
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from onport_producers.gateway.body import TooLargeError, read_body
from onport_producers.gateway.page.actions import Actions, Letters, NoSuchScopeError, Pause, Resume
from onport_producers.gateway.page.entrance import Entrance, Handler
from onport_producers.gateway.page.feed import Feed
from onport_producers.gateway.page.files import FOLDER, SHELL
from onport_producers.gateway.page.letters import listing
from onport_producers.gateway.page.replies import guarded, refusal, reply
from onport_producers.gateway.page.session import Sessions
from onport_producers.gateway.page.stream import EventStream
from onport_producers.gateway.page.view import View
from onport_producers.wakeup import CeleryWaker, Waker
from onport_queue.broker import connect, unreachable
from onport_queue.clock import Clock, SystemClock
from onport_queue.errors import SettingsError
from onport_queue.letters import Filters
from onport_queue.names import Kind
from onport_queue.settings import Settings
from onport_queue.store import Queue

PREFIX = "/page/"
_BROKER_TIMEOUT_S = 2.0
_MOST_WISH_BYTES = 1_000_000

_Wish = TypeVar("_Wish", Pause, Resume, Letters)


class Page:
    """Serves / and what is under /page/.

    Args:
        settings: the broker, the accounts, the spool.
        token: what opens it.
        waker: told of replayed jobs.
        clock: the host's.

    Raises:
        SettingsError: no broker is named.
    """

    def __init__(
        self,
        settings: Settings,
        token: str,
        *,
        waker: Waker | None = None,
        clock: Clock | None = None,
    ) -> None:
        if settings.redis_url is None:
            raise SettingsError("redis_url: missing; set ONPORT_RELAY_REDIS_URL")
        self._clock = clock or SystemClock()
        self._redis = connect(settings.redis_url, timeout_s=_BROKER_TIMEOUT_S, retries=1)
        self._queues = {
            name: Queue.of(self._redis, settings.for_account(name))
            for name in settings.account_names
        }
        channels = {name: settings.channels_of(name) for name in self._queues}
        wakes = waker or CeleryWaker(settings.redis_url)
        self._actions = Actions(self._queues, channels, wakes, self._clock)
        # Apart from the threads that take sales in, and the look from what may take long.
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="page-look")
        self._acting = ThreadPoolExecutor(2, thread_name_prefix="page-act")
        view = View(settings, channels, self._redis, self._queues, self._clock)
        self._feed = Feed(view.look, self._looking)
        self._entrance = Entrance(Sessions(token, self._clock))
        self._app = Starlette(routes=self._routes())

    @classmethod
    def of(cls, settings: Settings) -> "Page | None":
        """Return the page if the settings have a token for it."""
        token = settings.page_token
        return None if token is None else cls(settings, token.get_secret_value())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, guarded(send))

    @staticmethod
    def has(path: str) -> bool:
        """Return whether a path is one of the page's."""
        return path == "/" or path.startswith(PREFIX)

    def end_streams(self) -> None:
        """End what would go on for as long as somebody watches."""
        self._feed.end()

    def close(self) -> None:
        """Return when what was begun is finished."""
        self._looking.shutdown()
        self._acting.shutdown()
        self._redis.close()

    def _routes(self) -> list[Route | Mount]:
        entrance, inside = self._entrance, self._entrance.inside
        actions, wished = self._actions, self._wished
        return [
            Route("/", _shell),
            Mount(f"{PREFIX}static", StaticFiles(directory=FOLDER)),
            Route(f"{PREFIX}session", entrance.look, methods=["GET"]),
            Route(f"{PREFIX}session", entrance.enter, methods=["POST"]),
            Route(f"{PREFIX}session", inside(entrance.leave), methods=["DELETE"]),
            Route(f"{PREFIX}events", inside(self._events), methods=["GET"]),
            Route(f"{PREFIX}letters", inside(self._letters), methods=["GET"]),
            Route(f"{PREFIX}pause", wished(Pause, actions.pause), methods=["POST"]),
            Route(f"{PREFIX}resume", wished(Resume, actions.resume), methods=["POST"]),
            Route(f"{PREFIX}replay", wished(Letters, actions.replay), methods=["POST"]),
            Route(f"{PREFIX}discard", wished(Letters, actions.discard), methods=["POST"]),
        ]

    async def _events(self, request: Request) -> Response:
        return EventStream(self._feed, lambda: self._entrance.is_in(request))

    async def _letters(self, request: Request) -> Response:
        asked = request.query_params
        queue = self._queues.get(asked.get("account", ""))
        kind = asked.get("kind") or None
        if queue is None:
            return self._no_such_account()
        if kind not in (None, *Kind):
            return refusal(422, f"kind: expected one of {', '.join(Kind)}")
        filters = Filters(
            None if kind is None else Kind(kind),
            asked.get("channel") or None,
            asked.get("status") or None,
        )
        return await self._answer(lambda: listing(queue, filters, self._clock))

    def _wished(self, model: type[_Wish], act: Callable[[_Wish], int]) -> Handler:
        async def granted(request: Request) -> Response:
            try:
                body = await read_body(request.receive, most_bytes=_MOST_WISH_BYTES)
                wish = model.model_validate_json(body)
            except TooLargeError:
                return refusal(413, f"body: more than {_MOST_WISH_BYTES:,} bytes")
            except ValidationError as error:
                faults = error.errors()
                told = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)
                return refusal(422, "; ".join(told))
            if wish.account not in self._queues:
                return self._no_such_account()
            return await self._answer(lambda: {"done": act(wish)})

        return self._entrance.inside(granted)

    def _no_such_account(self) -> Response:
        return refusal(422, f"account: expected one of {', '.join(self._queues)}")

    async def _answer(self, work: Callable[[], dict[str, object]]) -> Response:
        try:
            return reply(await asyncio.get_running_loop().run_in_executor(self._acting, work))
        except NoSuchScopeError as error:
            return refusal(422, str(error))
        except RedisError as error:
            return refusal(503, unreachable(self._redis, error))


async def _shell(request: Request) -> Response:
    del request
    return Response(SHELL, headers={"cache-control": "no-cache"}, media_type="text/html")
