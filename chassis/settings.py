"""What a process can be told by environment.

`DATABASE_URL`, `REDIS_URL` and `KAFKA_BOOTSTRAP_SERVERS` say which servers to use; everything else has the prefix `EXAMHALL_`.
An unknown variable with our prefix is an error at start: a misspelt setting must not be silently ignored during an exam.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "EXAMHALL_"
_PEER = re.compile(r"EXAMHALL_[A-Z]+_(GRPC|HTTP)")
# Of the command line and of other services: one environment serves all processes of a machine.
_SHARED = {"EXAMHALL_DATA", "EXAMHALL_PORT", "EXAMHALL_GATEWAY", "EXAMHALL_DEMO", "EXAMHALL_REVISION"}
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# Of libpq's options, what asyncpg honours in a URL. It would send any other to the server as a setting of the session.
_URL_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl")


class WrongSetting(Exception):
    """Settings that a process can't start with; the message is one line for who runs it."""


class UnknownSetting(WrongSetting):
    """A variable with our prefix that no setting has."""


class KafkaSettings(BaseSettings):
    """How a process speaks with Kafka's brokers, whichever they are. Which of them go together: chassis/kafka.py."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", populate_by_name=True)

    kafka_security_protocol: str = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, as the brokers' listener is called"
    )
    kafka_sasl_mechanism: str = Field("", description="with SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
    kafka_sasl_user: str = Field("", description="with SASL: user at the brokers")
    kafka_sasl_password: SecretStr = Field(SecretStr(""), description="with SASL: password at the brokers")
    kafka_ca_file: str = Field(
        "", description="with SSL: file with the authority's certificate (PEM); empty: those the system trusts"
    )


class ServiceSettings(KafkaSettings):
    """Settings every service has; a service derives its own."""

    data: Path = Field(
        Path(".examhall"),
        description="folder for the little that is kept beside the databases: mail when no SMTP server is set, the working folder of the stream",
    )
    database_url: str = Field(
        "",
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="PostgreSQL database of this service",
    )
    redis_url: str = Field(
        "",
        validation_alias=AliasChoices("REDIS_URL", "redis_url"),
        description="Redis, for rate limits and caches only",
    )
    kafka_bootstrap_servers: str = Field(
        "",
        validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS", "kafka_bootstrap_servers"),
        description="Kafka brokers, host:port, comma-separated",
    )
    http_host: str = Field("127.0.0.1", description="address the REST server listens on")
    http_port: int = Field(0, description="port of the REST server; 0 takes a free one")
    grpc_host: str = Field("127.0.0.1", description="address the gRPC server listens on")
    grpc_port: int = Field(0, description="port of the gRPC server; 0 takes a free one")
    service_secret: SecretStr = Field(
        SecretStr(""),
        description="shared by all services of an installation; opens their gRPC servers to each other. While it is changed two, separated by a comma:"
        " the first is shown, both are accepted",
    )
    database_pool_size: int = Field(10, ge=1, le=100, description="connections for ordinary requests")
    outbox_window_bytes: int = Field(
        0,
        ge=0,
        description="the relay publishes no further than this beyond what all consumers have taken in; 0: no bound (the broker keeps its log)",
    )
    outbox_poll_milliseconds: int = Field(
        50,
        ge=1,
        description="how often the relay looks for events that it was not told of, and how long it gathers those committed one by one",
    )
    otlp_endpoint: str = Field("", description="OTLP/HTTP endpoint for traces; empty: traces are not exported")
    trace_ratio: float = Field(1.0, ge=0, le=1, description="share of traces that are recorded when an endpoint is set")
    log_level: str = Field("info", description="debug, info, warning or error")

    def peer(self, name: str) -> str:
        """host:port of another service's gRPC server; by default its name, as Kubernetes resolves it."""
        return os.environ.get(f"{PREFIX}{name.upper()}_GRPC") or f"{name}:9000"


def refuse_unknown_variables(known: set[str], environment: Mapping[str, str] | None = None) -> None:
    """Raises UnknownSetting, naming each variable with our prefix that is not known."""
    names = {name for name in (os.environ if environment is None else environment) if name.startswith(PREFIX)}
    unknown = sorted(name for name in names - known - _SHARED if not _PEER.fullmatch(name))
    if unknown:
        raise UnknownSetting(f"unknown setting{'s' if len(unknown) > 1 else ''}: {', '.join(unknown)}")


def variables_of(settings: type[BaseSettings]) -> set[str]:
    """The environment variables with our prefix that a settings class reads."""
    return {PREFIX + name.upper() for name in settings.model_fields}


def refuse_wrong_url(url: str) -> None:
    """Raises WrongSetting for a DATABASE_URL with options that would not be honoured."""
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        if name not in _URL_OPTIONS:
            raise WrongSetting(f"DATABASE_URL: the option {name!r} is not known; known are {', '.join(_URL_OPTIONS)}")
        if name == "sslmode" and value not in _SSL_MODES:
            raise WrongSetting(f"DATABASE_URL: sslmode must be one of {', '.join(_SSL_MODES)}")
