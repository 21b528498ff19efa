import pytest

import onport_producers
import onport_producers.gateway
import onport_producers.imports
import onport_producers.outbox


@pytest.mark.parametrize(
    ("package", "names"),
    [
        (
            onport_producers,
            (
                "AsyncProducer BrokerUnavailableError InvalidJobError Producer Progress Receipt "
                "Rejection RelayError SettingsError SpoolError State Storefront Summary"
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
        (onport_producers.gateway, "Address Door Gateway Prefork serve"),
        (
            onport_producers.imports,
            (
                "Contents Entry Format Item Rejected Rejects Rows Rules Source UnreadableError "
                "open_source opened_rejects read_contents read_items"
            ),
        ),
    ],
)
def test_the_public_names_are_these(package: object, names: str) -> None:
    exported = package.__all__  # type: ignore[attr-defined]  # a module

    assert sorted(exported) == names.split()
    assert all(hasattr(package, name) for name in exported)
