"""Where users send the audio of sources that are not pulled."""

from dataclasses import dataclass

from tonewatch.ingest.sources import Source, SourceKind


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the operator says how ingest is reached from outside."""

    rtmp: str
    websocket: str
    audiosocket: str

    def of(self, source: Source) -> str | None:
        """Where a source's audio is sent to, or pulled from."""
        match source.kind:
            case SourceKind.RTMP:
                return self.rtmp
            case SourceKind.WEBSOCKET:
                return f"{self.websocket}/v1/ws/pcm"
            case SourceKind.AUDIOSOCKET:
                return f"audiosocket://{self.audiosocket}"
        return source.url

    def with_key(self, source: Source, key: str) -> str:
        """The same with the key in its place, ready to use."""
        separator = "?key=" if source.kind is SourceKind.WEBSOCKET else "/"
        return f"{self.of(source)}{separator}{key}"
