"""The mail server of the settings."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tonewatch.alerting.delivery.channels.options import Language


class SmtpOptions(BaseModel):
    """The mail server behind the channel `email`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: str = Field(description="Mail server")
    port: int = Field(default=587, ge=1, le=65535, description="Its port")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection is protected"
    )
    username: str | None = Field(default=None, description="Signs in if given")
    password: SecretStr | None = Field(default=None, description="Of the user")
    sender: str = Field(min_length=3, description="From address")
    recipients: tuple[str, ...] = Field(min_length=1, description="To addresses")
    language: Language = Field(default="both", description="Of the mails")
