from pathlib import Path

import pytest

from onport_worker.embedded.conf import AppendFsync, ServerConf, quoted

ROOT = Path(__file__).parents[3]
KEEPING_JOBS = [
    "appendonly",
    "appendfsync",
    "aof-use-rdb-preamble",
    "maxmemory-policy",
    "save",
]


def server_conf(
    *,
    directory: Path = Path("/data"),
    appendfsync: AppendFsync = "always",
    persist: bool = True,
) -> ServerConf:
    return ServerConf(
        directory=directory,
        port=7001,
        password="secret",
        appendfsync=appendfsync,
        persist=persist,
    )


def settings(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split(" ", 1) for line in lines)


@pytest.mark.parametrize(
    ("conf", "name", "value"),
    [
        (server_conf(), "bind", "127.0.0.1"),
        (server_conf(), "port", "7001"),
        (server_conf(), "requirepass", '"secret"'),
        (server_conf(), "daemonize", "no"),
        (server_conf(), "dir", '"/data"'),
        (server_conf(directory=Path("/my data")), "dir", '"/my data"'),
        (server_conf(directory=Path('/a"b')), "dir", r'"/a\"b"'),
        (server_conf(), "appendonly", "yes"),
        (server_conf(persist=False), "appendonly", "no"),
        (server_conf(), "appendfsync", "always"),
        (server_conf(appendfsync="everysec"), "appendfsync", "everysec"),
        (server_conf(appendfsync="no"), "appendfsync", "no"),
        (server_conf(), "aof-use-rdb-preamble", "no"),
        (server_conf(), "maxmemory-policy", "noeviction"),
        (server_conf(), "save", '""'),
    ],
)
def test_each_setting_is_written(conf: ServerConf, name: str, value: str) -> None:
    assert settings(conf.text())[name] == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", '"plain"'),
        ("with space", '"with space"'),
        ('a "quote"', r'"a \"quote\""'),
        ("back\\slash", r'"back\\slash"'),
        ("line\nfeed\ttab", r'"line\nfeed\ttab"'),
        ("größe", '"größe"'),
    ],
)
def test_a_value_is_quoted_as_one_argument(value: str, written: str) -> None:
    assert quoted(value) == written


def test_what_keeps_jobs_is_what_the_shipped_file_says() -> None:
    shipped = settings((ROOT / "config" / "redis.conf").read_text())
    embedded = settings(server_conf().text())

    assert {name: embedded[name] for name in KEEPING_JOBS} == {
        name: shipped[name] for name in KEEPING_JOBS
    }


def test_the_password_is_not_in_the_representation() -> None:
    assert "secret" not in repr(server_conf())
