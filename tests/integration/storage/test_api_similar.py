"""Calls that sound alike are found, by a matrix and by pgvector alike."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, text

from tests.support.asking import Json, get
from tests.support.messages import make_score, make_session
from tests.support.stored import items
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.messages import Granularity, Speaker
from tonewatch.storage.database import Database
from tonewatch.storage.embeddings import Similar, _similar
from tonewatch.storage.embeddings._matrix import MatrixVectors
from tonewatch.storage.embeddings._pgvector import PgVectors
from tonewatch.storage.embeddings._vectors import load
from tonewatch.storage.models import Utterance
from tonewatch.storage.rollups import Rollups
from tonewatch.storage.store import Store

CALLS = {
    "calm-1": [[1.0, 0.1, 0.0], [1.0, 0.2, 0.0]],
    "calm-2": [[0.9, 0.1, 0.1]],
    "angry-1": [[0.0, 1.0, 0.2], [0.1, 0.9, 0.0]],
    "angry-2": [[0.0, 3.0, 0.3], [0.3, 8.0, 0.0]],
}


async def keep(store: Store, folder: Path, session_id: str, vectors: list[list[float]]) -> None:
    """Utterances of a call with their embeddings in files."""
    messages: list[Any] = [make_session(session_id=session_id)]
    for number, vector in enumerate(vectors):
        path = Path("embeddings") / session_id / f"mixed-{number}.npy"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / path, np.array(vector, np.float16))
        messages.append(
            make_score(
                number,
                session_id=session_id,
                granularity=Granularity.UTTERANCE,
                embedding_path=str(path),
            )
        )
    await store.write(items(messages))


@pytest.fixture(params=["as it comes", "matrix"])
async def kind(
    request: pytest.FixtureRequest, database: Database, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Which kind of vectors answers."""
    monkeypatch.setattr(_similar, "REFRESH_SECONDS", 0.0)
    if request.param == "matrix":
        if database.dialect == "sqlite":
            pytest.skip("the same as it comes")
        monkeypatch.setattr(PgVectors, "prepare", _never)
        return "matrix"
    if database.dialect == "sqlite":
        return "matrix"
    async with database.read() as session:
        found = await session.scalar(
            text("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'")
        )
    if not found:
        pytest.skip("pgvector is not installed beside this PostgreSQL")
    return "pgvector"


async def _never(_self: PgVectors) -> bool:
    return False


@pytest.fixture
async def calls(
    kind: str, client: AsyncClient, store: Store, database: Database, tmp_path: Path
) -> str:
    for session_id, vectors in CALLS.items():
        await keep(store, tmp_path, session_id, vectors)
    await Rollups(database).catch_up()
    return kind


async def _like(client: AsyncClient, session_id: str, **query: Any) -> list[str]:
    body = await get(client, f"/v1/sessions/{session_id}/similar", **query)
    return [item["session"]["session_id"] for item in body["items"]]


async def test_the_most_similar_calls_come_first(
    calls: str, client: AsyncClient, database: Database, tmp_path: Path
) -> None:
    assert await _like(client, "calm-1") == ["calm-2", "angry-1", "angry-2"]
    assert await _like(client, "angry-2", limit=1) == ["angry-1"]
    assert await _like(client, "calm-1", speaker="mixed", limit=1) == ["calm-2"]
    kinds = {"matrix": MatrixVectors, "pgvector": PgVectors}
    similar = Similar(database, tmp_path)
    await similar.to_session("calm-1", None, 1)
    assert type(similar._vectors) is kinds[calls]
    await similar.forget(["calm-2"])
    if calls == "pgvector":
        async with database.read() as session:
            kept = await session.scalars(text("SELECT session_id FROM utterance_vectors"))
            assert set(kept) == CALLS.keys() - {"calm-2"}
    similar.close()


@pytest.mark.usefixtures("calls")
async def test_similarity_is_the_mean_cosine_of_the_utterances(client: AsyncClient) -> None:
    body = {"vector": [0.0, 2.0, 0.0], "limit": 2}
    answer = await client.post("/v1/similar", json=body)
    first: Json = answer.json()["items"][0]
    assert first["session"]["session_id"] == "angry-2"
    vectors = np.array(CALLS["angry-2"])
    cosines = vectors[:, 1] / np.linalg.norm(vectors, axis=1)
    assert first["similarity"] == pytest.approx(cosines.mean(), abs=1e-3)
    assert first["utterances"] == 2
    assert len(answer.json()["items"]) == 2


@pytest.mark.usefixtures("calls")
async def test_new_calls_come_in_and_removed_ones_go(
    client: AsyncClient, store: Store, database: Database, tmp_path: Path
) -> None:
    assert await _like(client, "calm-1", limit=1) == ["calm-2"]
    await keep(store, tmp_path, "calm-3", [[1.0, 0.15, 0.0]])
    await Rollups(database).catch_up()
    async with database.write() as connection:
        await connection.execute(delete(Utterance).where(Utterance.session_id == "angry-1"))
    assert await _like(client, "calm-1") == ["calm-3", "calm-2", "angry-2"]
    answer = await client.get("/v1/sessions/angry-1/similar")
    assert answer.status_code == 404
    assert "label `embeddings`" in answer.json()["detail"]


@pytest.mark.usefixtures("calls")
async def test_files_that_hold_no_embedding_are_passed_over(
    client: AsyncClient, store: Store, database: Database, tmp_path: Path
) -> None:
    await keep(store, tmp_path, "longer", [[1.0, 0.0, 0.0, 0.0]])
    await keep(store, tmp_path, "zero", [[0.0, 0.0, 0.0]])
    await keep(store, tmp_path, "broken", [[1.0, 0.0, 0.0]])
    (tmp_path / "embeddings/broken/mixed-0.npy").write_bytes(b"\x93NUMPY")
    await Rollups(database).catch_up()
    assert await _like(client, "calm-1") == ["calm-2", "angry-1", "angry-2"]
    for session_id in ("zero", "broken"):
        assert (await client.get(f"/v1/sessions/{session_id}/similar")).status_code == 404


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"vector": [1.0, 2.0]}, 400, "it has 2 numbers, the embeddings here have 3"),
        ({"vector": [0.0, 0.0, 0.0]}, 400, "not all zero"),
        ({"vector": [1e308, 1e308, 1.0]}, 400, "finite"),
        ({"vector": []}, 422, "at least 1"),
        ({"vector": ["a"]}, 422, "valid number"),
    ],
)
async def test_a_vector_that_is_none_is_refused(
    body: Json, status: int, reason: str, client: AsyncClient
) -> None:
    answer = await client.post("/v1/similar", json=body)
    assert (answer.status_code, reason in answer.json()["detail"]) == (status, True), answer.text


def test_a_path_leads_nowhere_but_into_the_folder(tmp_path: Path) -> None:
    (tmp_path / "embeddings").mkdir()
    for name in ("secret.npy", "embeddings/fine.npy"):
        np.save(tmp_path / name, np.ones(3, np.float16))
    assert load(tmp_path, "embeddings/fine.npy") is not None
    assert load(tmp_path, "embeddings/../secret.npy") is None
    assert load(tmp_path, str(tmp_path / "secret.npy")) is None
    assert load(tmp_path, "embeddings") is None


async def test_the_matrix_holds_the_newest_and_grows(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonewatch.storage.embeddings._matrix.CHUNK", 2)
    store = Store(sqlite)
    vectors = MatrixVectors(sqlite, tmp_path, most=5)
    await keep(store, tmp_path, "a", [[float(n + 1), 1.0] for n in range(5)])
    await Rollups(sqlite).catch_up()
    await vectors.refresh()
    assert vectors._matrices[2].values.shape == (5, 2)
    assert Speaker.MIXED.value == vectors._matrices[2].spoken[0].speaker
    await keep(store, tmp_path, "b", [[1.0, float(n + 1)] for n in range(9)])
    await Rollups(sqlite).catch_up()
    await vectors.refresh()
    assert vectors._matrices[2].count == 5
    assert await vectors.mean_of("b", None) is not None
    vectors.close()


async def _bundle(client: AsyncClient, session_id: str, **query: Any) -> dict[str, Any]:
    answer = await client.get(f"/v1/sessions/{session_id}/embeddings", params=query)
    assert answer.status_code == 200, answer.text
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as file:
        return dict(file)


@pytest.mark.usefixtures("calls")
async def test_the_embeddings_of_a_call_are_handed_out_as_the_engine_gave_them(
    client: AsyncClient,
) -> None:
    file = await _bundle(client, "angry-2")
    assert file["embeddings"].dtype == np.float32
    assert file["embeddings"] == pytest.approx(np.array(CALLS["angry-2"]), rel=1e-3)
    assert list(file["speaker"]) == ["mixed", "mixed"]
    assert list(file["number"]) == [0, 1]
    begin = file["start_ms"]
    assert (begin < file["end_ms"]).all()
    later = await _bundle(client, "angry-2", from_ms=int(begin[1]), speaker="mixed")
    assert list(later["number"]) == [1]
    assert list((await _bundle(client, "angry-2", to_ms=int(begin[1])))["number"]) == [0]


@pytest.mark.usefixtures("calls")
async def test_embeddings_that_cannot_be_handed_out_say_why(
    client: AsyncClient, store: Store, database: Database, tmp_path: Path
) -> None:
    await keep(store, tmp_path, "mixed", [[1.0, 0.0], [1.0, 0.0, 0.0]])
    await store.write(items([make_session(session_id="none")]))
    await Rollups(database).catch_up()
    for session_id, status, reason in (
        ("nobody", 404, "there is no session nobody"),
        ("none", 404, "label `embeddings`"),
        ("mixed", 409, "have [2, 3] numbers"),
    ):
        answer = await client.get(f"/v1/sessions/{session_id}/embeddings")
        assert (answer.status_code, reason in answer.json()["detail"]) == (status, True), (
            answer.text
        )
    chosen = await _bundle(client, "mixed", dimension=3)
    assert (chosen["embeddings"].shape, list(chosen["number"])) == ((1, 3), [1])
    answer = await client.get("/v1/sessions/mixed/embeddings", params={"dimension": 4})
    assert answer.status_code == 404


@pytest.mark.usefixtures("calls")
async def test_more_embeddings_than_one_answer_holds_are_asked_for_in_parts(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonewatch.storage.api.embeddings.MOST_UTTERANCES", 1)
    answer = await client.get("/v1/sessions/angry-2/embeddings")
    assert answer.status_code == 413
    part = re.search(r"to_ms=(\d+)", answer.json()["detail"])
    assert part is not None
    assert list((await _bundle(client, "angry-2", to_ms=int(part[1])))["number"]) == [0]
