"""Calls that sound like another: similarity of the embeddings of utterances.

A call's likeness to a vector is the mean cosine of its utterances to it; a call as a question is
the mean of its utterances. Brute force, exact: on SQLite over a memory-mapped matrix of the newest
utterances, on PostgreSQL by pgvector where the extension can be had.
"""

from tonewatch.storage.embeddings._bundle import Place, bundle
from tonewatch.storage.embeddings._similar import Similar
from tonewatch.storage.embeddings._vectors import FOLDER, Alike

__all__ = ["FOLDER", "Alike", "Place", "Similar", "bundle"]
