import pytest

import onport_producers
import onport_producers.imports
import onport_producers.outbox


@pytest.mark.parametrize(
    ("package", "names"),
    [
        (
            onport_producers,
            (
                "AsyncProducer BrokerUnavailableError InvalidJobError Producer Progress Receipt "
                "RelayError SettingsError SpoolError State Storefront Summary"
            ),
        ),
        (
            onport_producers.outbox,
            (
                "Acknowledgement Added Contents DatabaseUnavailableError Disconnection HandoverOf "
                "NewSale Outbox OutboxError OutboxJob Product Pump Pumped Refused SaleUpdate TABLE "
                "ddl open_database place_of"
            ),
        ),
        (
            onport_producers.imports,
            "Format Item Source UnreadableError open_source read_items",
        ),
    ],
)
def test_the_public_names_are_these(package: object, names: str) -> None:
    exported = package.__all__  # type: ignore[attr-defined]  # a module

    assert sorted(exported) == names.split()
    assert all(hasattr(package, name) for name in exported)
