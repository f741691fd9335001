"""Rules over stored history: what would have fired, and why something did not."""

from tonewatch.alerting.history._backtest import Backtest, BacktestOptions, Found, Progress
from tonewatch.alerting.history._client import HistoryClient, SessionQuery
from tonewatch.alerting.history._shown import shown_found, shown_progress, shown_second
from tonewatch.alerting.history._tracing import trace_session

__all__ = [
    "Backtest",
    "BacktestOptions",
    "Found",
    "HistoryClient",
    "Progress",
    "SessionQuery",
    "shown_found",
    "shown_progress",
    "shown_second",
    "trace_session",
]
