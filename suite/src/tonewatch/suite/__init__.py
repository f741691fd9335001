"""Starts all of Tonewatch on one machine, supervises it, and shows that it works."""
