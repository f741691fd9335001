"""The channels that settings declare: a name, a type, and what the type needs."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator

from tonewatch.alerting.delivery.urls import check_url
from tonewatch.shared.errors import InvalidInputError

ChannelName = Annotated[
    str, StringConstraints(min_length=1, max_length=40, pattern=r"^[\w][\w.-]*$")
]
"""As rules name it; letters may be Chinese."""

Language = Literal["zh", "en", "both"]
"""Of what a person reads."""

Mobile = Annotated[str, StringConstraints(pattern=r"^(all|\+?\d[\d-]{4,19})$")]


class ChannelOptions(BaseModel):
    """What all channels have."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    per_minute_limit: ClassVar[int | None] = None
    """Of the provider; messages beyond it are joined into digests."""

    type: str
    language: Language = Field(default="both", description="Of what a person reads")

    @property
    def per_minute(self) -> int | None:
        """The most messages in a minute."""
        return self.per_minute_limit


class RobotOptions(ChannelOptions):
    """A robot of a group chat, reached by the URL that its maker shows."""

    url: SecretStr = Field(description="The robot's URL; the token in it is a secret")

    @field_validator("url")
    @classmethod
    def _url_is_usable(cls, url: SecretStr) -> SecretStr:
        try:
            check_url(url.get_secret_value())
        except InvalidInputError as error:
            raise ValueError(error.message) from error
        return url


class DingTalkOptions(RobotOptions):
    """A custom robot of a DingTalk (钉钉) group."""

    per_minute_limit = 20

    type: Literal["dingtalk"]
    secret: SecretStr | None = Field(default=None, description="SEC..., if it checks signatures")
    mention: tuple[Mobile, ...] = Field(default=(), description="Mobile numbers, or `all`")


class WeComOptions(RobotOptions):
    """A robot of a WeCom (企业微信) group."""

    per_minute_limit = 20

    type: Literal["wecom"]
    mention: tuple[Mobile, ...] = Field(default=(), description="Mobile numbers, or `all`")


class FeishuOptions(RobotOptions):
    """A custom bot of a Feishu (飞书) or Lark group."""

    per_minute_limit = 20
    """The documented 100 a minute come with 5 a second; a group of people needs neither."""

    type: Literal["feishu"]
    secret: SecretStr | None = Field(default=None, description="If it checks signatures")


class SlackOptions(RobotOptions):
    """An incoming webhook of Slack (or of what imitates it)."""

    per_minute_limit = 60

    type: Literal["slack"]


class AppriseOptions(ChannelOptions):
    """Any of the services that Apprise knows, by its URL."""

    per_minute_limit = 20

    type: Literal["apprise"]
    url: SecretStr = Field(description="Apprise URL, such as ntfys://ntfy.sh/topic")


class EmailOptions(ChannelOptions):
    """Other recipients, through the mail server of `alerting.smtp`."""

    type: Literal["email"]
    recipients: tuple[Annotated[str, Field(min_length=3)], ...] = Field(
        min_length=1, description="To addresses"
    )


DeclaredChannel = Annotated[
    DingTalkOptions | WeComOptions | FeishuOptions | SlackOptions | AppriseOptions | EmailOptions,
    Field(discriminator="type"),
]
