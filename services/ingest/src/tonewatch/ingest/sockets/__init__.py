"""The ways in over sockets: WebSocket (generic PCM, Twilio, FreeSWITCH) and Asterisk's AudioSocket.

Decoders turn messages into events and know nothing else; a `Call` turns a connection's events into
a session; the `Hub` holds all calls and their limits.
"""

from tonewatch.ingest.sockets.hub import Hub
from tonewatch.ingest.sockets.tcp import AudioSocketServer
from tonewatch.ingest.sockets.websocket import PREFIX, socket_routes

__all__ = ["PREFIX", "AudioSocketServer", "Hub", "socket_routes"]
