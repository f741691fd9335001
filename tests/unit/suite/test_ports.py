import socket

import pytest

from tonewatch.shared.errors import ConfigurationError
from tonewatch.suite.ports import Ports, require_free


def test_without_an_offset_the_ports_are_the_documented_ones() -> None:
    assert Ports.moved(0) == Ports(
        console=7860, ingest=8080, alerting=8081, storage=8082, inference=8083, rtmp=1935
    )


def test_an_offset_moves_every_port() -> None:
    before, after = Ports().by_name(), Ports.moved(100).by_name()
    assert {name: port + 100 for name, port in before.items()} == after


@pytest.mark.parametrize("offset", [-1935, 60_000])
def test_an_offset_beyond_the_range_of_ports_is_refused(offset: int) -> None:
    with pytest.raises(ConfigurationError, match=f"--port-offset {offset} puts"):
        Ports.moved(offset)


def test_a_port_in_use_is_named_with_its_part() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"{port} \(console\).*--port-offset"):
            require_free({"console": port})
    require_free({"console": port})
