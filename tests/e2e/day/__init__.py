"""What a supervisor does on a first day, page by page, before a real suite."""

from tests.e2e.day.supervisor import PATIENCE_MS, Supervisor

__all__ = ["PATIENCE_MS", "Supervisor"]
