"""Who stands behind a request: named by a header, and recorded where the request names nobody."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

import pytest
from fastapi import APIRouter
from pydantic import BaseModel, Field

from tests.support.running import running
from tonewatch.shared.acting import DOER, LONGEST_NAME, acting_user, named, user_header
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.runtime import Service
from tonewatch.shared.settings import Port, ServiceOptions, Settings

NAME: Final = "李 (值班/夜) %41"


class Options(ServiceOptions):
    port: Port = 0


class SampleSettings(Settings):
    section: ClassVar[str] = "ingest"
    ingest: Options = Field(default_factory=Options)


class Act(BaseModel):
    by: Annotated[str, Field(min_length=1)] = DOER


class Sample(Service[SampleSettings]):
    name = "ingest"

    def routers(self) -> Sequence[APIRouter]:
        router = APIRouter()

        @router.post("/acts")
        async def act(act: Act) -> str:
            return act.by

        @router.delete("/acts")
        async def take_back(by: str | None = None) -> str:
            return named(by)

        @router.get("/who")
        async def who() -> str:
            return acting_user()

        return [router]


@pytest.fixture
def sample(memory_broker: MemoryBroker) -> Sample:
    return Sample(SampleSettings(), memory_broker)


async def by_whom(client: AsyncClient, headers: dict[str, str]) -> list[str]:
    acted = await client.post("/acts", json={}, headers=headers)
    taken_back = await client.delete("/acts", headers=headers)
    return [acted.json(), taken_back.json()]


async def test_who_has_signed_in_is_recorded_where_nobody_is_named(sample: Sample) -> None:
    async with running(sample) as url, create_client(base_url=url) as client:
        headers = user_header(NAME)
        assert await by_whom(client, headers) == [NAME, NAME]
        bot = await client.post("/acts", json={"by": "chen"}, headers=headers)
        assert bot.json() == "chen"
        long = user_header("长" * 400)
        assert await by_whom(client, long) == ["长" * LONGEST_NAME] * 2


async def test_one_request_says_nothing_about_the_next(sample: Sample) -> None:
    async with running(sample) as url, create_client(base_url=url) as client:
        assert (await client.get("/who", headers=user_header(NAME))).json() == NAME
        assert (await client.get("/who")).json() == ""


@pytest.mark.parametrize("headers", [{}, {"X-Tonewatch-User": ""}, {"X-Tonewatch-User": "%20"}])
async def test_where_nobody_is_known_the_request_is_refused(
    sample: Sample, headers: dict[str, str]
) -> None:
    async with running(sample) as url, create_client(base_url=url) as client:
        acted = await client.post("/acts", json={}, headers=headers)
        assert (acted.status_code, "body.by" in acted.json()["detail"]) == (422, True)
        taken_back = await client.delete("/acts", headers=headers)
        assert (taken_back.status_code, "`by`" in taken_back.json()["detail"]) == (400, True)
