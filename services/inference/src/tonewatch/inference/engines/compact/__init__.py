"""The small model that ships in the wheel: no torch, no download, for a first start."""

from tonewatch.inference.engines.compact.engine import CompactEngine

__all__ = ["CompactEngine"]
