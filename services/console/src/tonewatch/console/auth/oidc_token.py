"""The ID token: whether it is the provider's and meant for us, and what it says of somebody.

As OpenID Connect Core 3.1.3.7 asks; the check of claims is Authlib's, of the signature joserfc's.
"""

from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tonewatch.console.auth.mapping import Voucher
from tonewatch.console.outside import OidcOptions
from tonewatch.shared.errors import UnauthorizedError

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures by a key pair only: with `none` or a shared secret anybody could write a token."""
LEEWAY_SECONDS: Final = 60


def checked_claims(
    token: dict[str, Any], keys: Any, options: OidcOptions, *, nonce: str
) -> dict[str, Any]:
    """The claims of the ID token in an answer of the token endpoint.

    Args:
        token: the answer.
        keys: the provider's published keys (a JSON Web Key Set).
        options: whose token it must be, and for whom.
        nonce: what the provider was given to put into the token.

    Raises:
        UnauthorizedError: it is missing, of another, for another, for another flow, or too old.
    """
    try:
        signed = jwt.decode(
            str(token["id_token"]), KeySet.import_key_set(keys), algorithms=ALGORITHMS
        )
        claims = CodeIDToken(
            signed.claims,
            signed.header,
            options={
                "iss": {"essential": True, "value": options.issuer},
                "aud": {"essential": True, "value": options.client_id},
            },
            params={
                "nonce": nonce,
                "client_id": options.client_id,
                "access_token": token.get("access_token"),
            },
        )
        claims.validate(leeway=LEEWAY_SECONDS)
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise UnauthorizedError(f"the provider's token is not for this: {error}") from error
    return dict(claims)


def voucher_of(claims: dict[str, Any], options: OidcOptions) -> Voucher:
    """What the claims say of somebody."""
    labels = {
        label: str(value)
        for label, claim in options.label_claims.items()
        if isinstance(value := _inside(claims, claim), str | int) and value != ""
    }
    name = _inside(claims, options.name_claim) or claims["sub"]
    groups = _inside(claims, options.groups_claim)
    listed = groups if isinstance(groups, list) else [groups]
    return Voucher(str(name), [str(group) for group in listed if group], labels)


def _inside(claims: dict[str, Any], path: str) -> Any:
    """A claim, or a field of one: some providers say realm_access.roles."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
