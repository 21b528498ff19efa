import os
import socket
import threading

import pytest

from onport_sandbox import SandboxSettings
from onport_sandbox.attachment import read_settings_line, watch_end
from onport_sandbox.changes import FAULTS, SETTING_NAMES
from onport_sandbox.command_line import chosen_settings, main
from onport_sandbox.options import option_parser


def settings_of(*arguments: str) -> SandboxSettings:
    return chosen_settings(option_parser().parse_args(arguments))


def test_without_options_the_defaults_hold() -> None:
    assert settings_of() == SandboxSettings()


def test_every_setting_has_an_option() -> None:
    options = vars(option_parser().parse_args([]))
    assert {"hash", *SETTING_NAMES, FAULTS} - {"hashes"} <= set(options)


def test_options_set_their_settings() -> None:
    settings = settings_of(
        *("--hash", "a=one", "--hash", "two", "--rate", "10", "--latency-ms", "5"),
        *("--poison", "x", "--poison", "y", "--faults", "0.3", "--reset-applied"),
    )
    assert dict(settings.hashes) == {"a": "one", "2": "two"}
    assert (settings.rate, settings.latency_ms) == (10, 5)
    assert settings.poison == {"x", "y"}
    assert settings.reset == pytest.approx(0.1)
    assert settings.reset_applied


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rate", "-1"], "rate: got -1.0, expected a number of requests per second above 0"),
        (["--rate", "fast"], "argument --rate: invalid float value: 'fast'"),
        (["--hash", "a=1", "--hash", "a=2"], "channel: got 'a' twice"),
        (["--faults", "0.3", "--error", "0.1"], "error: got both it and faults"),
    ],
)
def test_a_wrong_option_is_a_usage_error(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_port_in_use_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    assert f"cannot serve 127.0.0.1:{port}" in capsys.readouterr().err


def test_settings_are_read_from_a_pipe_up_to_the_end_of_the_line() -> None:
    reader, writer = os.pipe()
    os.write(writer, b'{"rate":')
    os.write(writer, b"10}\n")
    assert read_settings_line(reader) == {"rate": 10}
    os.close(writer)
    os.close(reader)


def test_a_pipe_that_ends_early_has_no_settings() -> None:
    reader, writer = os.pipe()
    os.write(writer, b'{"rate":')
    os.close(writer)
    with pytest.raises(ValueError, match="ended before a line of settings"):
        read_settings_line(reader)
    os.close(reader)


def test_the_end_of_a_pipe_is_noticed() -> None:
    reader, writer = os.pipe()
    ended = threading.Event()
    watch_end(ended.set, reader)
    os.write(writer, b"more\n")
    assert not ended.is_set()
    os.close(writer)
    assert ended.wait(5)
    os.close(reader)
