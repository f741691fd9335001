"""The HTTP API of ingest against its published form."""

from pathlib import Path

import pytest

from tonewatch.ingest.handlers.schemas import SourceView, SourceWithKey, UploadAccepted, UploadView
from tonewatch.ingest.service import IngestService
from tonewatch.ingest.settings import IngestOptions, IngestSettings
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.runtime import build_app

ROUTES = {
    ("/v1/sources", "get"),
    ("/v1/sources", "post"),
    ("/v1/sources/{source_id}", "get"),
    ("/v1/sources/{source_id}", "delete"),
    ("/v1/sources/{source_id}/rotate-key", "post"),
    ("/v1/audio", "post"),
    ("/v1/audit", "get"),
    ("/v1/sources-file", "get"),
    ("/v1/sources-file/reload", "post"),
    ("/v1/sources/events", "get"),
    ("/v1/sources/{source_id}/history", "get"),
    ("/v1/sources/{source_id}", "patch"),
    ("/v1/audio/{session_id}", "get"),
    ("/v1/audio", "get"),
    ("/v1/audio/{session_id}", "delete"),
}
SOURCE = {
    *("id", "name", "kind", "url", "labels", "state", "reason"),
    *("since", "session_id", "open_sessions", "reconnects"),
    *("channels", "policy", "permitted_labels", "quality", "replica"),
}


@pytest.fixture
def service(tmp_path: Path, ffmpeg: str, memory_broker: MemoryBroker) -> IngestService:
    settings = IngestSettings(data_dir=tmp_path, ingest=IngestOptions(ffmpeg=ffmpeg))
    return IngestService(settings, memory_broker)


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID:UserWarning")  # /health, both methods
def test_the_routes_are_those_that_others_rely_on(service: IngestService) -> None:
    paths = build_app(service).openapi()["paths"]
    found = {(path, method) for path in paths for method in paths[path] if path.startswith("/v1/")}
    assert found == ROUTES
    assert not [path for path in paths if path.startswith("/internal")]


def test_the_answers_have_the_fields_that_others_rely_on() -> None:
    assert set(SourceView.model_fields) == SOURCE
    assert set(SourceWithKey.model_fields) == SOURCE | {"stream_key", "publish_url"}
    assert set(UploadAccepted.model_fields) == {"session_id", "source_id", "name", "state"}
    assert set(UploadView.model_fields) == {
        *("session_id", "name", "state", "frames", "duration_seconds", "progress", "error"),
        "created_at",
    }


def test_the_default_port_and_file_are_those_of_the_design(tmp_path: Path) -> None:
    settings = IngestSettings(data_dir=tmp_path)
    assert settings.ingest.port == 8080
    assert settings.database_url.endswith(f"{tmp_path}/ingest.db")
