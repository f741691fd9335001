"""Sign-in at a provider on loopback, with real tokens; and everything that is wrong is refused."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey

from tests.integration.console.conftest import Console, opened_console
from tests.support.fake_suite import FakeSuite
from tests.support.oidc_provider import FakeProvider, fake_provider
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.errors import ConfigurationError
from tonewatch.shared.http import AsyncClient, Response, create_client

START = "/api/v1/auth/oidc/start"
PUBLIC = "http://console.test"


@dataclass
class Trial:
    """A console, its provider, and a browser that is not signed in."""

    console: Console
    provider: FakeProvider
    browser: AsyncClient

    async def go(self, back: str = "") -> Response:
        """To the provider and back: the console's answer to the code."""
        return await self.browser.get(await self.come_back(back))

    async def come_back(self, back: str = "") -> str:
        """The address at which the provider sends the browser back."""
        away = await self.browser.get(START, params={"next": back} if back else None)
        assert away.status_code == 303
        assert away.headers["location"].startswith(f"{self.provider.issuer}/authorize?")
        there = await self.browser.get(away.headers["location"])
        way = urlsplit(there.headers["location"])
        assert f"{way.scheme}://{way.netloc}" == PUBLIC
        return f"{way.path}?{way.query}"

    async def me(self) -> Response:
        """Who the browser is now."""
        return await self.browser.get("/api/v1/auth/me")

    async def deeds(self) -> list[dict[str, Any]]:
        """The audit log, newest first."""
        items: list[dict[str, Any]] = (await self.console.client.get("/api/v1/auth/audit")).json()[
            "items"
        ]
        return items


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with fake_provider() as made:
        made.claims |= {"preferred_username": "王芳", "groups": ["others", "qa"]}
        yield made


@asynccontextmanager
async def opened_trial(
    suite: FakeSuite, provider: FakeProvider, folder: Path, **oidc: Any
) -> AsyncIterator[Trial]:
    options = provider.console_options(**oidc)
    async with AsyncExitStack() as stack:
        public = "http://console.test"
        console = await stack.enter_async_context(
            opened_console(
                suite, MemoryBroker(partitions=1), folder, oidc=options, public_url=public
            )
        )
        browser = await stack.enter_async_context(create_client(base_url=console.url))
        yield Trial(console, provider, browser)


@pytest.fixture
async def trial(suite: FakeSuite, provider: FakeProvider, tmp_path: Path) -> AsyncIterator[Trial]:
    async with opened_trial(suite, provider, tmp_path) as made:
        yield made


def refused(answer: Response, problem: str = "failed") -> bool:
    """Whether somebody is sent to the sign-in page without a session."""
    is_there = answer.headers["location"] == f"/sign-in?problem={problem}"
    return answer.status_code == 303 and is_there and "tonewatch_session" not in str(answer.headers)


async def test_who_comes_back_from_the_provider_is_signed_in(trial: Trial) -> None:
    answer = await trial.go("/alerts?state=firing")
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts?state=firing")
    cookie = next(each for each in answer.headers.get_list("set-cookie") if "_session=" in each)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    me = (await trial.me()).json()
    assert (me["name"], me["role"], me["via"]) == ("王芳", "inspector", "oidc")
    (asked,) = trial.provider.asked
    assert asked["code_challenge_method"] == "S256"
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    deed = next(each for each in await trial.deeds() if each["via"] == "oidc")
    assert (deed["action"], deed["who"]) == ("sign-in", "王芳")


async def test_the_page_has_a_button_for_it_that_keeps_the_way_back(trial: Trial) -> None:
    page = (await trial.browser.get("/sign-in?next=/rules%3Fx=1")).text
    assert f'href="{START}?next=/rules%3Fx%3D1"' in page
    assert "Sign in with SSO" in page


async def test_nobody_is_sent_to_another_site_afterwards(trial: Trial) -> None:
    answer = await trial.go("//evil.example/")
    assert answer.headers["location"] == "/"


async def test_what_is_kept_for_the_way_is_for_one_flow_only(trial: Trial) -> None:
    way = await trial.come_back()
    assert "tonewatch_oidc" in trial.browser.cookies
    assert (await trial.browser.get(way)).headers["location"] == "/"
    assert "tonewatch_oidc" not in trial.browser.cookies
    assert refused(await trial.browser.get(way))  # neither code nor cookie work twice


async def test_the_flow_of_another_browser_is_refused(trial: Trial) -> None:
    way = await trial.come_back()
    async with create_client(base_url=trial.console.url) as victim:
        assert refused(await victim.get(way))
        await victim.get(START)  # one of its own is under way
        assert refused(await victim.get(way))


@pytest.mark.parametrize("change", [{"state": "x"}, {"state": ""}, {"iss": "http://127.0.0.1:1"}])
async def test_a_wrong_state_or_issuer_is_refused(trial: Trial, change: dict[str, str]) -> None:
    way = urlsplit(await trial.come_back())
    query = {name: values[0] for name, values in parse_qs(way.query).items()} | change
    assert refused(await trial.browser.get(way.path, params=query))
    assert (await trial.me()).status_code == 401
    reason = (await trial.deeds())[0]["detail"]["reason"]
    assert "state" in reason or "another provider" in reason


@pytest.mark.parametrize(
    ("alter", "reason"),
    [
        (lambda claims: claims | {"nonce": "x"}, "nonce"),
        (lambda claims: {k: v for k, v in claims.items() if k != "nonce"}, "nonce"),
        (lambda claims: claims | {"aud": "somebody-else"}, "aud"),
        (lambda claims: claims | {"aud": ["tonewatch", "other"], "azp": "other"}, "azp"),
        (lambda claims: claims | {"iss": "https://evil.example"}, "iss"),
        (lambda claims: claims | {"exp": claims["exp"] - 3600}, "expired"),
        (lambda claims: {k: v for k, v in claims.items() if k != "exp"}, "exp"),
        (lambda claims: {k: v for k, v in claims.items() if k != "sub"}, "sub"),
    ],
)
async def test_a_token_that_is_not_for_this_flow_is_refused(
    trial: Trial, alter: Callable[[dict[str, Any]], dict[str, Any]], reason: str
) -> None:
    trial.provider.alter = alter
    assert refused(await trial.go())
    assert (await trial.me()).status_code == 401
    deed = (await trial.deeds())[0]
    assert deed["action"] == "sign-in.failed"
    assert reason in deed["detail"]["reason"]


async def test_a_token_signed_by_another_key_is_refused(trial: Trial) -> None:
    trial.provider.signs_with = RSAKey.generate_key(2048, {"kid": "k1"})
    assert refused(await trial.go())
    assert "signature" in (await trial.deeds())[0]["detail"]["reason"]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
async def test_a_token_that_anybody_could_have_signed_is_refused(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    def forged(asked: dict[str, str]) -> str:
        header = b64(json.dumps({"alg": algorithm, "kid": "k1"}).encode())
        text = f"{header}.{real(asked).split('.')[1]}"
        public = trial.provider.key.as_pem(private=False)
        signature = hmac.digest(public, text.encode(), "sha256") if algorithm == "HS256" else b""
        return f"{text}.{b64(signature)}"

    real = trial.provider.id_token
    monkeypatch.setattr(trial.provider, "id_token", forged)
    assert refused(await trial.go())
    assert "not allowed" in (await trial.deeds())[0]["detail"]["reason"]


async def test_who_refuses_there_is_told_so_here(trial: Trial) -> None:
    trial.provider.denies = True
    answer = await trial.go()
    assert refused(answer)
    page = await trial.browser.get(answer.headers["location"], headers={"Accept-Language": "zh"})
    assert "在身份提供方登录失败" in page.text


@pytest.mark.parametrize("groups", [[], ["others"], "QA", None, {"qa": True}])
async def test_without_a_role_one_stays_outside(trial: Trial, groups: Any) -> None:
    trial.provider.claims["groups"] = groups
    answer = await trial.go()
    assert refused(answer, "denied")
    assert "no role here" in (await trial.browser.get(answer.headers["location"])).text


async def test_labels_limit_an_agent_by_its_claims(
    suite: FakeSuite, provider: FakeProvider, tmp_path: Path
) -> None:
    mapping = {
        "roles": {"staff": "agent"},
        "groups_claim": "realm_access.roles",
        "label_claims": {"agent_id": "number"},
    }
    async with opened_trial(suite, provider, tmp_path, **mapping) as trial:
        provider.claims |= {"realm_access": {"roles": ["staff"]}}
        assert refused(await trial.go(), "denied")  # no number, so all would be seen
        provider.claims["number"] = 1042
        await trial.go()
        me = (await trial.me()).json()
        assert (me["role"], me["labels"]) == ("agent", {"agent_id": "1042"})


async def test_a_provider_that_is_away_or_another_is_said(
    suite: FakeSuite, provider: FakeProvider, tmp_path: Path
) -> None:
    wrong = f"{provider.issuer}/"  # calls itself otherwise
    async with opened_trial(suite, provider, tmp_path, issuer=wrong) as trial:
        assert refused(await trial.browser.get(START))
        assert "must be the same" in (await trial.deeds())[0]["detail"]["reason"]
    async with opened_trial(suite, provider, tmp_path, issuer="http://127.0.0.1:1") as trial:
        assert refused(await trial.browser.get(START))


async def test_over_tls_the_cookies_are_for_this_host_alone(
    suite: FakeSuite, provider: FakeProvider, tmp_path: Path
) -> None:
    options = {"oidc": provider.console_options(), "public_url": "https://calls.example"}
    broker = MemoryBroker(partitions=1)
    async with opened_console(suite, broker, tmp_path, **options) as console:
        answer = await console.stranger.get(START, headers={"Host": "calls.example"})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-tonewatch_oidc=")
        assert "Secure" in cookie
        assert "redirect_uri=https%3A%2F%2Fcalls.example%2Fapi" in answer.headers["location"]


async def test_the_client_secret_is_never_shown(
    suite: FakeSuite, provider: FakeProvider, tmp_path: Path
) -> None:
    section = {"oidc": provider.console_options(), "public_url": PUBLIC}
    settings = ConsoleSettings.model_validate({"console": section, "data_dir": tmp_path})
    assert provider.console_options()["client_secret"] not in str(settings.masked())


@pytest.mark.parametrize(
    "issuer", ["http://login.example", "https://login.example?x", "ftp://127.0.0.1", "login"]
)
def test_an_issuer_that_cannot_be_trusted_is_refused(issuer: str) -> None:
    section = {"oidc": {"issuer": issuer, "client_id": "x"}, "public_url": PUBLIC}
    with pytest.raises(ValueError, match="issuer"):
        ConsoleSettings.model_validate({"console": section})


async def test_it_needs_to_know_where_people_come_back_to(
    suite: FakeSuite, provider: FakeProvider, tmp_path: Path
) -> None:
    broker = MemoryBroker(partitions=1)
    with pytest.raises(ConfigurationError, match="public_url"):
        async with opened_console(suite, broker, tmp_path, oidc=provider.console_options()):
            pass
