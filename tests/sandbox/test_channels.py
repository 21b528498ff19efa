import pytest

from onport_sandbox.channels import hashes_by_channel


@pytest.mark.parametrize(
    ("arguments", "hashes"),
    [
        (["abc"], {"1": "abc"}),
        (["abc", "def"], {"1": "abc", "2": "def"}),
        (["default=abc", "def"], {"default": "abc", "2": "def"}),
        (["default=abc=="], {"default": "abc=="}),
        (["abc=="], {"1": "abc=="}),
        (["not a name=abc"], {"1": "not a name=abc"}),
    ],
)
def test_a_hash_is_named_or_takes_its_position(
    arguments: list[str], hashes: dict[str, str]
) -> None:
    assert hashes_by_channel(arguments) == hashes


def test_a_channel_cannot_have_two_hashes() -> None:
    with pytest.raises(ValueError, match="channel: got 'a' twice"):
        hashes_by_channel(["a=one", "a=two"])
