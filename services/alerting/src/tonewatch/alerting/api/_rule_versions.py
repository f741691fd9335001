"""/v1/rules/{name}/versions: what a rule was, who changed it, and how to go back."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from tonewatch.alerting.api._rule_edits import IfMatch, RuleAct, edit_of, shown_edit
from tonewatch.alerting.api._shown_rules import shown_version
from tonewatch.alerting.rules.stored import RuleEditor
from tonewatch.alerting.rules.stored._diff import differences, unified

Number = Annotated[int, Field(ge=1, lt=2**31)]


def rule_versions_router(editor: RuleEditor) -> APIRouter:
    """The routes of a rule's versions."""
    router = APIRouter(prefix="/v1/rules", tags=["rules"])
    store = editor.store

    @router.get("/{name}/versions")
    async def list_versions(name: str) -> dict[str, Any]:
        """Every version, newest first: who, when, and what it was; also of deleted rules."""
        versions = await store.versions(name)
        return {"items": list(map(shown_version, versions)), "next_cursor": None}

    @router.get("/{name}/diff")
    async def show_diff(
        name: str,
        before: Annotated[Number, Query(alias="from")],
        after: Annotated[Number, Query(alias="to")],
    ) -> dict[str, Any]:
        """What differs between two versions: key by key, and as text."""
        old, new = await store.version(name, before), await store.version(name, after)
        return {
            "from": shown_version(old),
            "to": shown_version(new),
            "changes": differences(old.rule, new.rule),
            "text": unified(old, new),
        }

    @router.post("/{name}/versions/{version}/restore", response_model=None)
    async def restore_version(
        name: str, version: Number, act: RuleAct, if_match: IfMatch = None
    ) -> Response:
        """Let it be again what it was; a deleted rule comes back."""
        return shown_edit(await editor.restore(name, version, edit_of(act, if_match)))

    return router
