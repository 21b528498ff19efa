import onport_queue


def test_the_public_names_are_these() -> None:
    assert onport_queue.__all__ == [
        "BrokerUnavailableError",
        "InvalidJobError",
        "Kind",
        "Lane",
        "Ledger",
        "Mode",
        "NewerFormatError",
        "Queue",
        "RelayError",
        "SettingsError",
        "SpoolError",
        "Stats",
        "VolatileBrokerError",
    ]
    assert all(hasattr(onport_queue, name) for name in onport_queue.__all__)
