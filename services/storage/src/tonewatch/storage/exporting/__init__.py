"""Tables as files: CSV, JSON lines and Parquet, written page by page.

All three have the same columns, those of the table. What is held in memory is one page of rows,
however long the file becomes.
"""

from tonewatch.storage.exporting._encoders import (
    MEDIA_TYPES,
    Encoder,
    Format,
    MissingFormatError,
    encoder_for,
)

__all__ = ["MEDIA_TYPES", "Encoder", "Format", "MissingFormatError", "encoder_for"]
