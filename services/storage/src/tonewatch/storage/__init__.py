"""The storage service: keeps what was heard and decided, and answers questions about it.

It reads the scores, alerts and sessions streams, writes them to SQLite or PostgreSQL in batches,
and acknowledges them only after the commit; written twice, a message changes nothing.
"""
