"""GET /v1/stats/...: what was heard on the whole, from sums that are maintained, never counted."""

from tonewatch.storage.api.stats._routes import build_router

__all__ = ["build_router"]
