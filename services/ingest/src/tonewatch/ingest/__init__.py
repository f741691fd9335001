"""Ingest: audio comes in from streams and files and leaves as one-second frames."""
