from onport_worker import embedded


def test_the_public_names_are_these() -> None:
    assert embedded.__all__ == [
        "AppendFsync",
        "BinaryNotFoundError",
        "BrokerFailedError",
        "DirectoryInUseError",
        "EmbeddedBroker",
        "EmbeddedBrokerError",
        "RestartPolicy",
        "running_url",
    ]
    assert all(hasattr(embedded, name) for name in embedded.__all__)
