"""The settings of every part of the relay: one frozen model, read once, all faults told at once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from redis.connection import parse_url

from onport_queue.csv_settings import CsvSettings
from onport_queue.errors import SettingsError
from onport_queue.names import DEFAULT_ACCOUNT, DEFAULT_CHANNEL, checked_name
from onport_queue.schedule import Schedule, told_apart
from onport_queue.setting_files import with_files_read

VENDOR_BASE_URL = "https://inbound.jetti.io/webhooks/custom-channels"
ENVIRONMENT_PREFIX = "ONPORT_RELAY_"
CONFIG_VARIABLE = "ONPORT_RELAY_CONFIG"
DEFAULT_FILES = (Path("relay.toml"), Path("config/relay.toml"))
_LEAST_TOKEN_CHARS = 16
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ChannelSettings(_Part):
    """One custom channel beside the default one."""

    account: str | None = Field(None, description="Its account; unset: the relay's own.")
    webhook_hash: SecretStr | None = Field(None, description="Its secret. Workers only.")
    webhook_hash_next: SecretStr | None = Field(None, description="The one that will replace it.")


class AccountSettings(_Part):
    """What one account has otherwise than the others."""

    rate: float | None = Field(None, gt=0, le=10_000, description="Its requests/s.")
    low_lane_share: float | None = Field(
        None, ge=0, le=0.5, description="Its low lane's guaranteed share of the rate."
    )
    base_url: str | None = Field(
        None, description="Where its inbound webhooks live; of a trial, those of a sandbox."
    )


class AlertSettings(_Part):
    """Who is told when something is wrong."""

    webhook_url: SecretStr | None = Field(
        None, description="Gets a POST of JSON; a secret, for it may have a token in it."
    )

    @field_validator("webhook_url")
    @classmethod
    def _empty_url_is_none(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value and value.get_secret_value() else None


class Settings(BaseSettings):
    """Everything that can be set, by TOML file or environment; the environment wins.

    ONPORT_RELAY_<NAME>_FILE names a file that holds the value instead: for secrets.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    redis_url: str | None = Field(
        None,
        # Its password is no business of who prints the settings.
        repr=False,
        description="Redis or Valkey that holds the jobs; unset: `up` and `demo` embed one.",
    )
    base_url: str = Field(VENDOR_BASE_URL, description="Where the four inbound webhooks live.")
    webhook_hash: SecretStr | None = Field(
        None, description="The channel's secret, sent as jetti-webhook-hash. Workers and gateway."
    )
    webhook_hash_next: SecretStr | None = Field(
        None, description="The one that will replace it: while both are set, the one that works."
    )
    account: str = Field(DEFAULT_ACCOUNT, description="What shares one rate limit.")
    channels: dict[str, ChannelSettings] = Field(
        default_factory=dict, description="Channels beside `default`, by name."
    )
    accounts: dict[str, AccountSettings] = Field(
        default_factory=dict, description="What single accounts have of their own, by name."
    )
    rate: float = Field(
        10.0,
        gt=0,
        le=10_000,
        description="Requests/s, all workers together. 10 is ten times the vendor's documented "
        "synchronous limit; the inbound one is unpublished.",
    )
    low_lane_share: float = Field(
        0.1, ge=0, le=0.5, description="The low lane's guaranteed share of the rate."
    )
    batch_items: int = Field(
        50, ge=1, le=500, description="Most items of a request; 50 is the vendor's documented cap."
    )
    batch_bytes: int = Field(1_000_000, ge=1_000, description="Most bytes of a request's items.")
    product_key: tuple[str, ...] = Field(
        ("externalId", "sku"), min_length=1, description="Fields that key a product, first found."
    )
    csv: CsvSettings = Field(
        CsvSettings(), description="How CSV files of products are read; [csv.columns]."
    )
    validation: Literal["lenient", "strict"] = Field(
        "lenient", description="strict: what is odd is refused instead of warned about."
    )
    connect_timeout_s: float = Field(5.0, gt=0, le=20, description="To open a connection.")
    read_timeout_s: float = Field(30.0, gt=0, le=300, description="To wait for an answer.")
    lease_s: float = Field(
        30.0, ge=10, description="How long a worker holds a claim without renewing it."
    )
    max_attempts: int = Field(25, ge=1, description="Requests for a job before it is dead.")
    max_age_hours: float = Field(72.0, gt=0, description="Hours since a job's first attempt.")
    concurrency: int = Field(16, ge=1, le=256, description="Requests in flight per process (up).")
    history_days: float = Field(30.0, gt=0, description="How long delivered versions are known.")
    gateway_port: int = Field(
        8080,
        ge=0,
        le=65535,
        description="Where the HTTP gateway listens (`gateway`; in `up` on 127.0.0.1, 0: nowhere).",
    )
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Where a worker serves what it measures as /metrics, each of a host at another "
        "port; 0: nowhere. Those of `up` are told by its gateway.",
    )
    metrics_host: str = Field(
        "127.0.0.1", description="The address it listens at; 0.0.0.0 in a container."
    )
    page_token: SecretStr | None = Field(
        None, description="Opens the gateway's page at /; unset: no page, but in `up`."
    )
    replicas: int = Field(
        0, ge=0, description="Replicas of Redis that must have a job before its receipt is given."
    )
    spool_path: Path | None = Field(
        None,
        description="Where a producer keeps what it puts while Redis is away, on a disk that "
        "persists; unset: spool.db in data_dir.",
    )
    spool_mb: int = Field(
        256, ge=0, description="Most megabytes of the spool; 0: no spool, such puts are refused."
    )
    allow_http: bool = Field(
        default=False, description="Allow an endpoint without TLS off this machine."
    )
    allow_volatile: bool = Field(default=False, description="Run on a broker that may forget.")
    data_dir: Path = Field(
        Path(".relay"),
        description="Where the embedded broker has its data, a producer its spool.",
    )
    appendfsync: Literal["always", "everysec", "no"] = Field(
        "always", description="When the embedded broker's log reaches the disk."
    )
    alerts: AlertSettings = Field(
        AlertSettings(), description="Who is told when something is wrong; docs/monitoring.md."
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="How the relay's own processes log: for a person, or for a machine."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that they log; debug has every delivery."
    )
    schedules: tuple[Schedule, ...] = Field(
        (), description="What is put by itself, and when; docs/schedules.md."
    )

    _schedules_are_told_apart = field_validator("schedules", mode="wrap")(told_apart)

    @field_validator("account")
    @classmethod
    def _account_is_a_name(cls, value: str) -> str:
        return checked_name("account", value)

    @field_validator("redis_url")
    @classmethod
    def _redis_url_is_one(cls, value: str | None) -> str | None:
        schemes = ("redis://", "rediss://", "unix://")
        if value is not None and not value.startswith(schemes):
            raise ValueError(f"expected an URL starting with {', '.join(schemes)}")
        try:
            if value is not None:
                parse_url(value)  # type: ignore[no-untyped-call] # redis-py does not type it
        except ValueError:
            # redis-py's own text may hold a part of the password.
            raise ValueError(
                "expected redis://:PASSWORD@HOST:PORT/0 "
                "(in a password, write @ / : # and % as %40 %2F %3A %23 and %25)"
            ) from None
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _log_level_in_any_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("webhook_hash", "webhook_hash_next")
    @classmethod
    def _empty_hash_is_none(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value and value.get_secret_value() else None

    @field_validator("page_token")
    @classmethod
    def _page_token_is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if not value or not value.get_secret_value():
            return None
        if len(value.get_secret_value()) < _LEAST_TOKEN_CHARS:
            raise ValueError(
                f"expected at least {_LEAST_TOKEN_CHARS} characters, so that nobody guesses it, "
                "e.g. those of: openssl rand -hex 24"
            )
        return value

    @model_validator(mode="after")
    def _endpoint_is_safe(self) -> "Settings":
        endpoints = {
            f"accounts.{name}.base_url": its.base_url for name, its in self.accounts.items()
        }
        for place, text in {"base_url": self.base_url, **endpoints}.items():
            url = _http_url(place, text or self.base_url)
            if url.username is not None or url.query or url.fragment:
                raise ValueError(
                    f"{place}: expected no user or password, and nothing behind # or ?"
                )
            if self._is_open(url):
                raise ValueError(
                    f"{place}: {url.hostname} without TLS would show the webhook hash on the wire; "
                    "use https, or set allow_http for a sandbox"
                )
        return self

    @model_validator(mode="after")
    def _webhook_is_safe(self) -> "Settings":
        if self.alerts.webhook_url is not None:
            place = "alerts.webhook_url"
            if self._is_open(_http_url(place, self.alerts.webhook_url.get_secret_value())):
                raise ValueError(f"{place}: expected https, or http on this machine (allow_http)")
        return self

    def _is_open(self, url: SplitResult) -> bool:
        """Whether whoever is on the way could read what is sent there."""
        return url.scheme == "http" and url.hostname not in _LOOPBACK and not self.allow_http

    @model_validator(mode="after")
    def _names_are_names(self) -> "Settings":
        for channel, its in self.channels.items():
            checked_name("channels", channel)
            if channel == DEFAULT_CHANNEL:
                raise ValueError(
                    f"channels.{channel}: it has account and webhook_hash at the top of the file"
                )
            if its.account is not None:
                checked_name(f"channels.{channel}.account", its.account)
        strange = self.accounts.keys() - set(self.account_names)
        if strange:
            raise ValueError(
                f"accounts.{min(strange)}: no channel is in it; "
                f"expected one of {', '.join(self.account_names)}"
            )
        return self

    @model_validator(mode="after")
    def _schedules_have_channels(self) -> "Settings":
        for place, schedule in enumerate(self.schedules):
            if schedule.channel not in self.channel_names:
                raise ValueError(
                    f"schedules.{place}.channel: {schedule.channel!r} is not in the settings; "
                    f"expected one of {', '.join(self.channel_names)}"
                )
        return self

    @property
    def channel_names(self) -> tuple[str, ...]:
        """All channels, the default one first."""
        return DEFAULT_CHANNEL, *sorted(self.channels)

    @property
    def account_names(self) -> tuple[str, ...]:
        """All accounts, the relay's own first."""
        others = {its.account for its in self.channels.values() if its.account} - {self.account}
        return self.account, *sorted(others)

    def account_of(self, channel: str) -> str:
        """Return the account of a channel.

        Raises:
            SettingsError: there is no such channel.
        """
        if channel == DEFAULT_CHANNEL:
            return self.account
        if channel not in self.channels:
            known = ", ".join(self.channel_names)
            raise SettingsError(
                f"channel {channel!r} is not in the settings; expected one of {known}"
            )
        return self.channels[channel].account or self.account

    def channels_of(self, account: str) -> tuple[str, ...]:
        """Return the channels of an account, the default one first."""
        return tuple(each for each in self.channel_names if self.account_of(each) == account)

    def hashes_of(self, channel: str) -> tuple[SecretStr, ...]:
        """Return the hashes of a channel that are set, the preferred one first."""
        its: Settings | ChannelSettings = self
        if channel != DEFAULT_CHANNEL:
            its = self.channels[channel]
        both = (its.webhook_hash, its.webhook_hash_next)
        return tuple(one for one in both if one and one.get_secret_value())

    def for_account(self, account: str) -> "Settings":
        """Return the settings of one account: as if it were the relay's own, with its channels.

        Raises:
            SettingsError: there is no such account.
        """
        if account not in self.account_names:
            known = ", ".join(self.account_names)
            raise SettingsError(
                f"account {account!r} is not in the settings; expected one of {known}"
            )
        own = self.accounts.get(account, AccountSettings())
        update: dict[str, Any] = own.model_dump(exclude_none=True)
        if account != self.account:
            # The default channel, and its hash, are of the relay's own account.
            update |= {"webhook_hash": None, "webhook_hash_next": None}
        channels = {
            name: its
            for name, its in self.channels.items()
            if (its.account or self.account) == account
        }
        update |= {"account": account, "channels": channels, "accounts": {}}
        return self.model_copy(update=update)

    @property
    def spool_file(self) -> Path:
        """Where the spool is, absolute."""
        return (self.spool_path or self.data_dir / "spool.db").absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - fixed by pydantic-settings
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Explicit values, then the environment; `load_settings` adds the file below them."""
        return init_settings, env_settings


def load_settings(config: Path | None = None, **explicit: Any) -> Settings:
    """Read the settings.

    Args:
        config: the TOML file; else the one named by ONPORT_RELAY_CONFIG, else ./relay.toml, else
            ./config/relay.toml, else none.
        explicit: values that win over both file and environment.

    Raises:
        SettingsError: one line per fault, naming the setting, never its value.
    """
    path = _config_file(config, os.environ)
    environment, faults = with_files_read(os.environ, ENVIRONMENT_PREFIX, Settings.model_fields)

    class _FileSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *sources: Any, **named: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            above = super().settings_customise_sources(settings_cls, *sources, **named)
            for source in above:
                if isinstance(source, EnvSettingsSource):
                    source.env_vars = {name.lower(): value for name, value in environment.items()}
            return (*above, TomlConfigSettingsSource(settings_cls, path)) if path else above

    try:
        loaded = _FileSettings(**explicit)
    except ValidationError as error:
        faults += [_fault(fault) for fault in error.errors()]
        raise SettingsError("\n".join(faults)) from None
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # TOML, or a list in the environment, that can't be read
        raise SettingsError(f"{path or 'environment'}: {error}") from error
    if faults:
        raise SettingsError("\n".join(faults))
    return loaded


def _config_file(config: Path | None, environment: Mapping[str, str]) -> Path | None:
    named = config or (
        Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None
    )
    if named is not None:
        if not named.exists() or named.is_dir():
            raise SettingsError(f"{named}: no such settings file")
        return named
    return next((path for path in DEFAULT_FILES if path.is_file()), None)


def _http_url(place: str, text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        is_one = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:  # its text may have a part of a secret
        is_one = False
    if not is_one:
        raise ValueError(f"{place}: expected an http(s) URL with a host")
    return url


def _fault(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{place}: no such setting"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
