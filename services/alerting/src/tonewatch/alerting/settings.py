"""Settings of the alerting service: section `alerting`."""

import socket
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from tonewatch.alerting.delivery.signing import check_secret
from tonewatch.alerting.delivery.urls import check_url
from tonewatch.shared.database import url_or_file
from tonewatch.shared.egress import AddressPolicy
from tonewatch.shared.errors import InvalidInputError
from tonewatch.shared.settings import Port, ServiceOptions, Settings


class DeclaredWebhook(BaseModel):
    """A webhook that the settings name; it cannot be removed through the API."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=100, description="Unique among the webhooks")
    url: str = Field(max_length=2048, description="http:// or https://")
    secret: SecretStr = Field(description="whsec_...; `tonewatch-alerting new-secret` makes one")

    @field_validator("url")
    @classmethod
    def _url_is_usable(cls, url: str) -> str:
        try:
            return check_url(url)
        except InvalidInputError as error:
            raise ValueError(error.message) from error

    @field_validator("secret")
    @classmethod
    def _secret_is_usable(cls, secret: SecretStr) -> SecretStr:
        try:
            check_secret(secret.get_secret_value())
        except InvalidInputError as error:
            raise ValueError(error.message) from error
        return secret


class SmtpOptions(BaseModel):
    """The mail server behind the channel `email`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(description="Mail server")
    port: int = Field(default=587, ge=1, le=65535, description="Its port")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection is protected"
    )
    username: str | None = Field(default=None, description="Signs in if given")
    password: SecretStr | None = Field(default=None, description="Of the user")
    sender: str = Field(min_length=3, description="From address")
    recipients: tuple[str, ...] = Field(min_length=1, description="To addresses")


class AlertingOptions(ServiceOptions):
    """What the alerting service needs to know."""

    port: Port = 8081
    rules_file: Path | None = Field(
        default=None, description="rules.yaml; without it the default rule is in force"
    )
    rules_poll_seconds: float = Field(
        default=2.0, gt=0, description="How often the file is looked at for changes"
    )
    database_url: SecretStr | None = Field(
        default=None, description="Deliveries and webhooks; default alerting.db in data_dir"
    )
    webhooks: tuple[DeclaredWebhook, ...] = Field(
        default=(), description="Webhooks beside those added through the API"
    )
    smtp: SmtpOptions | None = Field(default=None, description="Mail server for channel email")
    egress: AddressPolicy = Field(
        default_factory=AddressPolicy, description="Addresses that webhooks may lie at"
    )
    gap_tolerance_seconds: int = Field(
        default=1, ge=0, le=60, description="Pause in speech that a duration bridges"
    )
    resolve_after_seconds: int = Field(
        default=3, ge=1, le=3600, description="Calm speech after which a firing alert resolves"
    )
    reorder_seconds: int = Field(
        default=15, ge=1, le=600, description="Newer audio that a missing second is waited for"
    )
    reorder_wait_seconds: float = Field(
        default=10, ge=0, description="Least wall time of that wait: uploads run faster than live"
    )
    session_end_seconds: float = Field(
        default=60, gt=0, description="Wait for the last scores of an ended session"
    )
    delivery_timeout_seconds: float = Field(
        default=15, gt=0, le=60, description="Longest time of one delivery attempt"
    )
    deliveries_at_once: int = Field(default=64, ge=1, le=100, description="In flight, in all")
    deliveries_per_receiver: int = Field(default=16, ge=1, description="In flight to one receiver")
    delivery_log_days: int = Field(default=30, ge=1, description="How long deliveries are kept")
    instance: str = Field(
        default="", max_length=64, description="Name of this replica; default host name and port"
    )

    @property
    def consumer(self) -> str:
        """The replica's name: stable, so that after a restart its unfinished work is its own."""
        return self.instance or f"{socket.gethostname()[:48]}-{self.port}"


class AlertingSettings(Settings):
    """The common settings and the section `alerting`."""

    section: ClassVar[str] = "alerting"

    alerting: AlertingOptions = Field(
        default_factory=AlertingOptions, description="The alerting service"
    )

    @property
    def database_url(self) -> str:
        """The effective database."""
        return url_or_file(self.alerting.database_url, self.data_dir / "alerting.db")
