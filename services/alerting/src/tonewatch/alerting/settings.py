"""Settings of the alerting service: section `alerting`."""

import socket
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from tonewatch.alerting.delivery.channels.options import ChannelName, DeclaredChannel
from tonewatch.alerting.delivery.channels.smtp import SmtpOptions
from tonewatch.alerting.delivery.subscriptions import DeclaredWebhook
from tonewatch.shared.database import url_or_file
from tonewatch.shared.egress import EgressPolicy
from tonewatch.shared.messages import Priority
from tonewatch.shared.settings import Port, ServiceOptions, Settings


class CapOptions(BaseModel):
    """How many notices there may be in any minute or hour; what is beyond is told in a digest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule_per_minute: int | None = Field(default=60, ge=1, description="Of one rule")
    rule_per_hour: int | None = Field(default=None, ge=1, description="Of one rule")
    agent_per_minute: int | None = Field(default=10, ge=1, description="About one agent")
    agent_per_hour: int | None = Field(default=None, ge=1, description="About one agent")
    spare: Priority | None = Field(
        default=Priority.CRITICAL, description="Alerts as urgent as this are counted, never held"
    )


class NoticeOptions(BaseModel):
    """Whether and when people are told of alerts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group_by: Literal["call", "agent", "none"] = Field(
        default="call", description="Alerts of one group that come together are one message"
    )
    group_wait_seconds: float = Field(
        default=3.0, ge=0, le=300, description="Wait for others, if low or medium; no other waits"
    )
    agent_label: str = Field(
        default="agent_id", min_length=1, max_length=64, description="The label that names an agent"
    )
    cooldown_per: Literal["track", "call"] = Field(
        default="track", description="What a rule's cooldown is about"
    )
    inhibit_by_stream: bool = Field(
        default=True, description="A stream that is down mutes the emotion rules of its source"
    )
    inhibit_by_critical: bool = Field(
        default=True, description="A critical alert mutes the less urgent ones of its call"
    )
    escalate_resolved: bool = Field(
        default=True, description="Escalate what nobody acknowledged even if it has resolved"
    )
    caps: CapOptions = Field(default_factory=CapOptions, description="Against floods")
    alert_log_days: int = Field(default=365, ge=1, description="How long alerts are kept")


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
    channels: dict[ChannelName, DeclaredChannel] = Field(
        default_factory=dict, description="Channels that rules may name beside webhook and email"
    )
    operator_channels: tuple[ChannelName, ...] = Field(
        default=(), description="Channels by which the operator is told of a receiver that fails"
    )
    failing_days: float = Field(
        default=5.0, gt=0, description="Days of nothing but failures that disable a webhook"
    )
    egress: EgressPolicy = Field(
        default_factory=EgressPolicy, description="Addresses, ports and schemes of receivers"
    )
    gap_tolerance_seconds: int = Field(
        default=1, ge=0, le=60, description="Pause in speech that a duration bridges"
    )
    dip_tolerance_seconds: float = Field(
        default=0.3,
        ge=0,
        le=10,
        description="Speech in a row that may fall short within a duration",
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
    storage_url: str = Field(
        default="http://127.0.0.1:8082", description="Where history is read: the storage service"
    )
    shared_partitions: bool = Field(
        default=False, description="Several replicas share the calls, by leases in Redis"
    )
    lease_seconds: float = Field(
        default=5.0, ge=1, le=60, description="A replica silent for so long is counted dead"
    )
    delivery_timeout_seconds: float = Field(
        default=15, gt=0, le=60, description="Longest time of one delivery attempt"
    )
    deliveries_at_once: int = Field(
        default=256, ge=1, le=1000, description="In flight, in all (each receiver may have one)"
    )
    deliveries_per_receiver: int = Field(default=16, ge=1, description="In flight to one receiver")
    delivery_log_days: int = Field(default=30, ge=1, description="How long deliveries are kept")
    notices: NoticeOptions = Field(
        default_factory=NoticeOptions, description="Whether and when people are told"
    )
    instance: str = Field(
        default="", max_length=64, description="Name of this replica; default host name and port"
    )

    @field_validator("channels")
    @classmethod
    def _names_are_free(cls, channels: dict[str, DeclaredChannel]) -> dict[str, DeclaredChannel]:
        taken = {"webhook", "email"} & channels.keys()
        if taken:
            raise ValueError(f"{', '.join(sorted(taken))}: this name has a meaning already")
        return channels

    @property
    def channel_names(self) -> frozenset[str]:
        """Every channel that a rule may name and that somebody can be told by."""
        mail = () if self.smtp is None else ("email",)
        return frozenset(("webhook", *mail, *self.channels))

    @model_validator(mode="after")
    def _operator_channels_exist(self) -> Self:
        unknown = set(self.operator_channels) - self.channel_names
        if unknown:
            raise ValueError(
                f"operator_channels: {', '.join(sorted(unknown))} is no channel; "
                f"there are {', '.join(sorted(self.channel_names))}"
            )
        return self

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
