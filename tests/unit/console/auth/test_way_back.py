"""After signing in one goes back to a page of the console, and nowhere else."""

import pytest

from tonewatch.console.auth.way_back import way_back


@pytest.mark.parametrize(
    "wish", ["/alerts", "/history?q=a%20b&from=1", "/calls/x#t=3", "/signing", "/apiary"]
)
def test_a_page_of_ours_is_gone_back_to(wish: str) -> None:
    assert way_back(wish) == wish


@pytest.mark.parametrize(
    "wish",
    [
        None,
        "",
        "alerts",
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/ok\\..",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/sign-in",
        "/sign-in?next=/alerts",
        "/welcome#x",
        "/api/v1/auth/me",
        "/static/js/main.js",
        "/" + "x" * 3000,
    ],
)
def test_everything_else_leads_to_the_first_page(wish: str | None) -> None:
    assert way_back(wish) == "/"
