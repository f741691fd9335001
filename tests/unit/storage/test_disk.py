"""What is written with how much room, and that each change is told once."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tonewatch.shared.metrics import Metrics
from tonewatch.storage.disk import DiskLevel, DiskWatch

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil has it


class Disk:
    """A disk and a clock that tests turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
        self.free_mb = 5000.0
        self.now = 0.0
        self.metrics = Metrics()
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, self.free_mb * 1e6))
        self.watch = DiskWatch(
            folder, self.metrics, low_mb=2000, critical_mb=500, clock=lambda: self.now
        )

    def level(self, free_mb: float | None = None, after: float = 1.0) -> DiskLevel:
        self.now += after
        if free_mb is not None:
            self.free_mb = free_mb
        return self.watch.level


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Disk:
    return Disk(monkeypatch, tmp_path)


def test_levels_come_with_less_room_and_go_with_clearly_more(disk: Disk) -> None:
    with capture_logs() as said:
        steps = [
            (2001, DiskLevel.ENOUGH),
            (1999, DiskLevel.LOW),
            (2100, DiskLevel.LOW),
            (499, DiskLevel.CRITICAL),
            (600, DiskLevel.CRITICAL),
            (626, DiskLevel.LOW),
            (2499, DiskLevel.LOW),
            (2501, DiskLevel.ENOUGH),
        ]
        for free_mb, level in steps:
            for _ in range(3):
                assert disk.level(free_mb) is level
    assert [line["log_level"] for line in said] == ["warning", "warning", "info", "info"]
    assert b"tonewatch_storage_disk_level 0.0" in disk.metrics.render()


def test_the_disk_is_looked_at_once_a_second(disk: Disk) -> None:
    assert disk.level(5000) is DiskLevel.ENOUGH
    assert disk.level(100, after=0.5) is DiskLevel.ENOUGH
    assert disk.level(100, after=0.5) is DiskLevel.CRITICAL


@pytest.mark.parametrize("has_folder", [True, False])
def test_a_database_that_says_it_is_full_is_believed_and_asked_again(
    has_folder: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    disk = Disk(monkeypatch, tmp_path if has_folder else None)
    assert disk.level() is DiskLevel.ENOUGH
    assert disk.watch.note_full()
    assert disk.level(after=9) is DiskLevel.CRITICAL
    assert disk.level(after=1.1) is DiskLevel.ENOUGH
    assert disk.watch.note_full()
    assert not disk.watch.note_full()
