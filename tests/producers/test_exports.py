import pytest

import onport_producers
import onport_producers.gateway
import onport_producers.imports


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
        (onport_producers.gateway, "Address Door Gateway Prefork serve"),
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
