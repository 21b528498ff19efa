import asyncio
import inspect
import threading
from collections.abc import Iterator

import pytest

from onport_producers import AsyncProducer, InvalidJobError, Receipt, State, Storefront, Summary
from onport_producers.testing import MemoryProducer
from onport_queue.settings import Settings

# What the gateway is built on, which puts many shops' jobs in one step.
IN_PARTS = {"prepare_sale", "prepare_product", "prepare_links", "put_jobs"}
METHODS = [name for name in vars(Storefront) if not name.startswith("_") and name not in IN_PARTS]


@pytest.mark.parametrize("name", METHODS)
def test_it_has_every_method_of_a_producer_with_the_same_parameters(name: str) -> None:
    ours, theirs = getattr(AsyncProducer, name), getattr(Storefront, name)
    assert inspect.iscoroutinefunction(ours)
    assert inspect.signature(ours) == inspect.signature(theirs)


def test_a_put_is_awaited_and_answers_alike(settings: Settings) -> None:
    memory = MemoryProducer(settings)

    async def shop() -> list[Receipt]:
        async with AsyncProducer(memory) as relay:
            sales = [relay.create_sale({"externalId": str(number)}) for number in range(20)]
            return await asyncio.gather(*sales)

    receipts = asyncio.run(shop())
    assert {receipt.state for receipt in receipts} == {State.PENDING}
    assert len(memory.pending) == 20


def test_what_is_refused_is_raised_where_it_is_awaited(settings: Settings) -> None:
    async def shop() -> None:
        async with AsyncProducer(MemoryProducer(settings)) as relay:
            await relay.create_sale({})

    with pytest.raises(InvalidJobError, match="externalId"):
        asyncio.run(shop())


def test_the_loop_goes_on_while_a_put_takes_its_time(settings: Settings) -> None:
    go_on = threading.Event()

    class Slow(MemoryProducer):
        def create_sale(self, *arguments: object, **options: object) -> Receipt:
            assert go_on.wait(5)
            return super().create_sale(*arguments, **options)  # type: ignore[arg-type]

    async def shop() -> Receipt:
        async with AsyncProducer(Slow(settings)) as relay:
            put = asyncio.create_task(relay.create_sale({"externalId": "1"}))
            await asyncio.sleep(0)
            go_on.set()  # only a loop that is not blocked gets here
            return await put

    assert asyncio.run(shop()).state is State.PENDING


def test_a_sale_waits_for_no_import(settings: Settings) -> None:
    come, has_begun = threading.Event(), threading.Semaphore(0)

    def items() -> Iterator[dict[str, object]]:
        has_begun.release()
        assert come.wait(30)
        yield {"sku": "1"}

    async def shop() -> tuple[Receipt, list[Summary]]:
        async with AsyncProducer(MemoryProducer(settings)) as relay:
            imports = [asyncio.create_task(relay.import_products(items())) for _ in range(8)]
            for _ in imports:
                await asyncio.to_thread(has_begun.acquire)
            try:
                receipt = await asyncio.wait_for(relay.create_sale({"externalId": "1"}), 5)
            finally:
                come.set()
            return receipt, await asyncio.gather(*imports)

    receipt, summaries = asyncio.run(shop())
    assert receipt.state is State.PENDING
    assert [summary.accepted for summary in summaries] == [1] * 8


def test_sales_that_a_hung_broker_holds_up_wait_beside_each_other(settings: Settings) -> None:
    all_of_them = threading.Barrier(100)

    class Hung(MemoryProducer):
        def create_sale(self, *arguments: object, **options: object) -> Receipt:
            all_of_them.wait(5)
            return super().create_sale(*arguments, **options)  # type: ignore[arg-type]

    async def shop() -> list[Receipt]:
        async with AsyncProducer(Hung(settings)) as relay:
            sales = [relay.create_sale({"externalId": str(number)}) for number in range(100)]
            return await asyncio.gather(*sales)

    assert len(asyncio.run(shop())) == 100


def test_leaving_it_waits_for_an_import_that_was_begun(settings: Settings) -> None:
    memory, come = MemoryProducer(settings), threading.Event()

    def items() -> Iterator[dict[str, object]]:
        assert come.wait(5)
        yield {"sku": "1"}

    async def shop() -> None:
        async with AsyncProducer(memory) as relay:
            begun = asyncio.create_task(relay.import_products(items()))
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_soon(come.set)
        assert len(memory.pending) == 1
        await begun

    asyncio.run(shop())
