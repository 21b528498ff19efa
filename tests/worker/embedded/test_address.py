import socket

from onport_worker.embedded.address import choose_port, is_free


def test_a_wanted_port_is_taken_as_it_is() -> None:
    assert choose_port(7001, last=7002) == 7001


def test_the_last_port_is_kept_while_it_is_free() -> None:
    last = choose_port(0, last=None)

    assert choose_port(0, last=last) == last


def test_a_last_port_that_somebody_else_has_is_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        last = other.getsockname()[1]

        assert not is_free(last)
        assert choose_port(0, last=last) != last
