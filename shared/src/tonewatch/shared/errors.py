"""The root of all errors that Tonewatch raises on purpose.

TonewatchError
 +- ConfigurationError    settings, rules or source files that cannot be used
 +- InvalidInputError     a request or file that cannot be accepted (400)
 +- NotFoundError         (404)
 +- ConflictError         (409)
 +- TooLargeError         (413)
 +- TooSlowError          (408)
 +- UnauthorizedError     who asks has not shown who it is (401)
 +- ForbiddenError        (403)
 +- UnavailableError      something we depend on is away; trying again makes sense (503)
 |   +- BrokerUnavailableError
 +- InvalidMessageError   a message that can never be processed: it is dead-lettered
 +- EngineError           a model that cannot be loaded or used
 +- ForbiddenAddressError an address that the operator has not allowed
"""

from typing import ClassVar


class TonewatchError(Exception):
    """Something went wrong in Tonewatch.

    The message is for the person who has to act on it: what was wrong, where, and what to do.
    A subclass's docstring is the message when none is given.
    """

    status_code: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        self.message = message or (self.__doc__ or "").strip().splitlines()[0]
        super().__init__(self.message)


class ConfigurationError(TonewatchError):
    """The configuration cannot be used."""


class InvalidInputError(TonewatchError):
    """The request cannot be accepted."""

    status_code = 400


class NotFoundError(TonewatchError):
    """There is no such thing."""

    status_code = 404


class ConflictError(TonewatchError):
    """The request contradicts the present state."""

    status_code = 409


class UnauthorizedError(TonewatchError):
    """Who asks has not shown who it is."""

    status_code = 401


class ForbiddenError(TonewatchError):
    """This is not allowed."""

    status_code = 403


class TooLargeError(TonewatchError):
    """The input is larger than the limit."""

    status_code = 413


class TooSlowError(TonewatchError):
    """The input did not come in time."""

    status_code = 408


class UnavailableError(TonewatchError):
    """Something this service depends on is away; try again."""

    status_code = 503
    retryable = True


class BrokerUnavailableError(UnavailableError):
    """Redis cannot be reached."""


class InvalidMessageError(TonewatchError):
    """The message can never be processed."""

    status_code = 422


class EngineError(TonewatchError):
    """The model cannot be used."""


class ForbiddenAddressError(TonewatchError):
    """The address is not allowed."""

    status_code = 422
