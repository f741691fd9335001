"""Errors about rules, with what a program needs to show them at their fields."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from tonewatch.alerting.api._shown_rules import shown_problem, shown_version
from tonewatch.alerting.rules import RulesError
from tonewatch.alerting.rules.stored import RuleChangedError


def render_rule_errors(app: FastAPI) -> None:
    """Render them so in this application."""
    app.add_exception_handler(RulesError, _refused)
    app.add_exception_handler(RuleChangedError, _conflict)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RulesError)  # noqa: S101 - registered for this type only
    problems, detail = [shown_problem(each) for each in error.problems], error.message
    if not all(each.file for each in error.problems):  # a rule that came as plain data
        problems = [each | {"line": None, "column": None} for each in problems]
        detail = "; ".join(f"{each.field or 'rule'}: {each.message}" for each in error.problems)
    body = {"error": "RulesError", "detail": detail, "problems": problems}
    return JSONResponse(body, status_code=error.status_code)


async def _conflict(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RuleChangedError)  # noqa: S101 - registered for this type only
    current = error.current
    body = {
        "error": "RuleChangedError",
        "detail": error.message,
        "current": shown_version(current),
    }
    headers = {"etag": f'"{current.version}"'}
    return JSONResponse(body, status_code=error.status_code, headers=headers)
