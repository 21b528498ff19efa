from collections.abc import Callable
from pathlib import Path

import pytest


def test_a_tool_that_is_there_is_given(require_tool: Callable[[str], Path]) -> None:
    assert require_tool("sh").is_absolute()


def test_a_test_without_its_tool_skips_and_names_it(
    require_tool: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RELAY_NO_SKIP", raising=False)

    with pytest.raises(pytest.skip.Exception, match="no-such-tool"):
        require_tool("no-such-tool")


def test_where_no_skip_is_allowed_it_fails(
    require_tool: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_NO_SKIP", "1")

    with pytest.raises(pytest.fail.Exception, match="no-such-tool"):
        require_tool("no-such-tool")
