import onport_sandbox


def test_the_public_names_are_these_and_no_others() -> None:
    assert onport_sandbox.__all__ == [
        "ENDPOINTS",
        "Clock",
        "Endpoint",
        "Fault",
        "FileReceipts",
        "Item",
        "Kind",
        "ManualClock",
        "MemoryReceipts",
        "NoReceipts",
        "Outage",
        "Problem",
        "Receipt",
        "Receipts",
        "SandboxError",
        "SandboxProcess",
        "SandboxProcessError",
        "SandboxSettings",
        "SettingsError",
        "Stats",
        "Stop",
        "SystemClock",
        "UnreadableError",
        "canonical_digest",
        "create_app",
        "read_receipts",
        "serve",
    ]


def test_every_public_name_exists() -> None:
    assert all(hasattr(onport_sandbox, name) for name in onport_sandbox.__all__)
