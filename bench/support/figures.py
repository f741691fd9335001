"""Printing figures: a table for people, and one JSON object as the last line."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path


def arguments(description: str) -> argparse.Namespace:
    """The options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="end within 60 s")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` of all values do not exceed; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def report(
    rows: Sequence[tuple[str, str]], figures: Mapping[str, float | None], to: Path | None
) -> None:
    """Print the table and the JSON line; write the JSON to a file if asked."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    line = json.dumps({k: None if v is None else float(f"{v:.4g}") for k, v in figures.items()})
    if to is not None:
        to.write_text(line + "\n")
    print(line)
