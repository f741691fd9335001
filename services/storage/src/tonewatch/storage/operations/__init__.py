"""What an operator does with the database: migrate, back up, restore, move, check, compact."""

from tonewatch.storage.operations._backup import backup, compact, restore
from tonewatch.storage.operations._check import Finding, check
from tonewatch.storage.operations._move import move

__all__ = ["Finding", "backup", "check", "compact", "move", "restore"]
