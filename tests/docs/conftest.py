from collections.abc import Iterator

import pytest
from tests.docs.stage import relay_call


@pytest.fixture(scope="session")
def relay_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The text of a program that calls `onport-relay`, which is loaded once."""
    with relay_call(tmp_path_factory.mktemp("relay-call")) as call:
        yield call
