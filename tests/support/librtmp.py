"""An encoder on librtmp, the library of rtmpdump that OBS and many devices publish with."""

import ctypes
import ctypes.util
import time

from tests.support.require import missing

FLV_HEADER_BYTES = 13
TAG_HEADER_BYTES = 11
TAG_TRAILER_BYTES = 4


def publish(flv: bytes, url: str) -> None:
    """Publish an FLV file in real time; blocks until it is sent."""
    library = _library()
    session = ctypes.c_void_p(library.RTMP_Alloc())
    library.RTMP_Init(session)
    address = ctypes.create_string_buffer(f"{url} live=1".encode())  # parsed in place
    try:
        assert library.RTMP_SetupURL(session, address)
        library.RTMP_EnableWrite(session)
        assert library.RTMP_Connect(session, None)
        assert library.RTMP_ConnectStream(session, 0)
        began, position = time.monotonic(), FLV_HEADER_BYTES
        while position < len(flv):
            size = int.from_bytes(flv[position + 1 : position + 4], "big")
            stamp = flv[position + 4 : position + 8]
            at = int.from_bytes(stamp[3:] + stamp[:3], "big") / 1000
            time.sleep(max(0.0, began + at - time.monotonic()))
            end = position + TAG_HEADER_BYTES + size + TAG_TRAILER_BYTES
            assert library.RTMP_Write(session, flv[position:end], end - position) > 0
            position = end
    finally:
        library.RTMP_Close(session)
        library.RTMP_Free(session)


def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("rtmp") or "librtmp.so.1"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        missing("librtmp is not installed (Debian: librtmp1)")
    library.RTMP_Alloc.restype = ctypes.c_void_p
    for function in (library.RTMP_Init, library.RTMP_EnableWrite, library.RTMP_Close):
        function.argtypes = [ctypes.c_void_p]
    library.RTMP_Free.argtypes = [ctypes.c_void_p]
    library.RTMP_SetupURL.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.RTMP_Connect.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.RTMP_ConnectStream.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.RTMP_Write.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    return library
