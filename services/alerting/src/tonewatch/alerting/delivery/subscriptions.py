"""What can be said of a subscription, in the settings and through the API alike."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from tonewatch.alerting.delivery.filters import Filter
from tonewatch.alerting.delivery.signing import check_secret
from tonewatch.alerting.delivery.tables import BodyFormat
from tonewatch.alerting.delivery.urls import check_url
from tonewatch.shared.errors import InvalidInputError

OWN_HEADERS: Final = frozenset(
    {
        *("accept-encoding", "connection", "content-encoding", "content-length", "content-type"),
        *("expect", "host", "keep-alive", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "user-agent"),
        *("webhook-id", "webhook-signature", "webhook-timestamp"),
    }
)
"""Headers that the sender sets itself."""

FOREVER_MS: Final = 2**53
"""How long a declared old secret is live: until the settings no longer name it."""


def _header_name(name: str) -> str:
    if name.lower() in OWN_HEADERS:
        raise ValueError(f"the header {name} is set by Tonewatch")
    return name.lower()


def _usable_url(url: str) -> str:
    try:
        return check_url(url)
    except InvalidInputError as error:
        raise ValueError(error.message) from error


def _usable_secret(secret: SecretStr) -> SecretStr:
    try:
        check_secret(secret.get_secret_value())
    except InvalidInputError as error:
        raise ValueError(error.message) from error
    return secret


def _usable_value(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise ValueError("the value of a header is printable ASCII, with no spaces around it")
    return value


HeaderName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$"),
    AfterValidator(_header_name),
]
HeaderValue = Annotated[SecretStr, Field(max_length=1024), AfterValidator(_usable_value)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Url = Annotated[str, Field(max_length=2048), AfterValidator(_usable_url)]
Secret = Annotated[SecretStr, AfterValidator(_usable_secret)]
Headers = Annotated[dict[HeaderName, HeaderValue], Field(max_length=16)]
Rate = Annotated[int, Field(ge=1, le=100_000)]


class Subscription(BaseModel):
    """A receiver of webhooks, without its secrets."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Name = Field(description="Unique among the webhooks")
    url: Url = Field(description="http:// or https://")
    filter: Filter = Field(default_factory=Filter, description="Which messages it gets")
    headers: Headers = Field(
        default_factory=dict, description="Sent with every request; the values are secret"
    )
    rate_per_minute: Rate | None = Field(
        default=None, description="Most requests in a minute; what is more waits"
    )
    body_format: BodyFormat = Field(
        default=BodyFormat.STANDARD, description="standard, or as Alertmanager 4 sends it"
    )

    def row_values(self) -> dict[str, Any]:
        """The columns of the row."""
        return column_values({name: getattr(self, name) for name in Subscription.model_fields})


class DeclaredWebhook(Subscription):
    """A webhook that the settings name; it cannot be changed or removed through the API."""

    secret: Secret = Field(description="whsec_...; `tonewatch-alerting new-secret` makes one")
    old_secret: Secret | None = Field(
        default=None, description="Signs as well, while a receiver learns the new one"
    )
    enabled: bool = Field(default=True, description="Whether anything is sent to it")

    def row_values(self) -> dict[str, Any]:
        """The columns of the row."""
        old = self.old_secret
        return super().row_values() | {
            "secret": self.secret.get_secret_value(),
            "old_secret": None if old is None else old.get_secret_value(),
            "old_secret_until_ms": FOREVER_MS,
            "declared": True,
            "enabled": self.enabled,
        }


def column_values(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a subscription as columns hold them."""
    values = dict(fields)
    if "headers" in values:
        values["headers"] = {
            name: value.get_secret_value() for name, value in values["headers"].items()
        }
    if "filter" in values:
        values["filter"] = values["filter"].model_dump(mode="json", exclude_defaults=True)
    return values
