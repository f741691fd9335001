"""Routes of uploaded recordings."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from pydantic import TypeAdapter, ValidationError

from tonewatch.ingest.handlers.schemas import (
    Policy,
    UploadAccepted,
    UploadList,
    UploadView,
    unmonitored,
    view_upload,
)
from tonewatch.ingest.sources import UPLOAD_SOURCE_ID, Layout, Voices
from tonewatch.ingest.sources.texts import as_plain, plain_labels
from tonewatch.ingest.uploads import ReceivedFile, Recording, Upload, Uploads, receive
from tonewatch.shared.errors import InvalidInputError
from tonewatch.shared.messages import Labels, Speaker

NAME_CHARACTERS: Final = 256
POLICY: Final = TypeAdapter[dict[Speaker, Literal["on", "off"]]](Policy)
LABELS: Final = TypeAdapter[dict[str, str]](Labels)
MOST_LABELS: Final = 32
FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "name": {"type": "string"},
                        "labels": {"type": "string", "description": "JSON object of strings"},
                        "channels": {"type": "string", "enum": [each.value for each in Layout]},
                        "policy": {
                            "type": "string",
                            "description": 'JSON object, such as {"agent": "off"}',
                        },
                    },
                }
            }
        },
    }
}


def audio_routes(
    uploads: Uploads,
    spool_dir: Path,
    *,
    cancel: Callable[[str], Awaitable[Upload]],
    max_bytes: int,
    max_seconds: float,
) -> APIRouter:
    """Upload a recording, ask how far it is, and end it; a body may take `max_seconds`.

    `cancel` ends one, at whatever replica; see `Uploads.cancel`.
    """
    router = APIRouter(prefix="/v1/audio", tags=["audio"])

    @router.post("", status_code=202, openapi_extra=FORM)
    async def upload(request: Request) -> UploadAccepted:
        """Take a recording in; answered when its first audio could be decoded."""
        file = await receive(
            request.headers.get("content-type", ""),
            request.stream(),
            spool_dir=spool_dir,
            max_bytes=max_bytes,
            max_seconds=max_seconds,
        )
        accepted = await uploads.start(_recording(file))
        return UploadAccepted(
            session_id=accepted.session_id,
            source_id=UPLOAD_SOURCE_ID,
            name=accepted.name,
            state=accepted.state,
        )

    @router.get("")
    async def list_uploads(
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        cursor: Annotated[str | None, Query(max_length=128)] = None,
    ) -> UploadList:
        """The recordings before the cursor, newest first."""
        found = await uploads.latest(limit + 1, cursor)
        items = [view_upload(each) for each in found[:limit]]
        return UploadList(
            items=items, next_cursor=items[-1].session_id if len(found) > limit else None
        )

    @router.get("/{session_id}")
    async def get_upload(session_id: str) -> UploadView:
        """How far ingest is with a recording."""
        return view_upload(await uploads.get(session_id))

    @router.delete("/{session_id}")
    async def cancel_upload(session_id: str) -> UploadView:
        """End a recording that is being taken in; what was published of it is scored."""
        return view_upload(await cancel(session_id))

    return router


def _recording(file: ReceivedFile) -> Recording:
    try:
        name, labels = _fields(file)
        return Recording(file=file, name=name, labels=labels, voices=_voices(file))
    except InvalidInputError:
        file.remove()
        raise


def _fields(file: ReceivedFile) -> tuple[str, dict[str, str]]:
    name = as_plain(file.fields.get("name") or file.name)[:NAME_CHARACTERS]
    text = file.fields.get("labels")
    if not text:
        return name, {}
    try:
        labels = LABELS.validate_python(json.loads(text), strict=True)
    except (ValueError, ValidationError) as error:
        raise InvalidInputError("labels: must be a JSON object of strings") from error
    try:
        plain_labels(labels)
    except ValueError as error:
        raise InvalidInputError(f"labels: {error}") from error
    if len(labels) > MOST_LABELS:
        raise InvalidInputError(f"labels: at most {MOST_LABELS}")
    return name, labels


def _voices(file: ReceivedFile) -> Voices:
    try:
        layout = Layout(file.fields.get("channels") or Layout.MIXED)
    except ValueError as error:
        known = ", ".join(each.value for each in Layout)
        raise InvalidInputError(f"channels: must be one of {known}") from error
    try:
        policy = POLICY.validate_json(file.fields.get("policy") or "{}")
    except ValidationError as error:
        raise InvalidInputError('policy: must be a JSON object such as {"agent": "off"}') from error
    voices = Voices(layout, unmonitored(policy))
    voices.check()
    return voices
