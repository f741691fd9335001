"""Which addresses may be connected to."""

import ipaddress

import pytest
from pydantic import ValidationError

from tonewatch.shared.egress import AddressPolicy, EgressPolicy
from tonewatch.shared.errors import ForbiddenAddressError

PUBLIC = AddressPolicy()
OFFICE = AddressPolicy(allow=(ipaddress.ip_network("10.2.0.0/16"), ipaddress.ip_network("::1")))
EVERYTHING = AddressPolicy(allow=(ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")))


@pytest.mark.parametrize(
    ("policy", "address", "permitted"),
    [
        (PUBLIC, "8.8.8.8", True),
        (PUBLIC, "2606:4700::1111", True),
        (PUBLIC, "127.0.0.1", False),
        (PUBLIC, "10.2.3.4", False),
        (PUBLIC, "192.168.1.1", False),
        (PUBLIC, "100.64.0.1", False),
        (PUBLIC, "::1", False),
        (PUBLIC, "fd00::1", False),
        (PUBLIC, "::ffff:127.0.0.1", False),
        (OFFICE, "10.2.3.4", True),
        (OFFICE, "::ffff:10.2.3.4", True),
        (OFFICE, "10.3.0.1", False),
        (OFFICE, "::1", True),
        (EVERYTHING, "192.168.1.1", True),
        (EVERYTHING, "169.254.169.254", False),
        (EVERYTHING, "::ffff:169.254.169.254", False),
        (EVERYTHING, "fe80::1", False),
        (EVERYTHING, "0.0.0.0", False),
        (EVERYTHING, "224.0.0.1", False),
    ],
)
def test_only_allowed_addresses_are_permitted(
    policy: AddressPolicy, address: str, permitted: bool
) -> None:
    assert policy.permits(ipaddress.ip_address(address)) is permitted


def test_the_refusal_names_host_and_address() -> None:
    with pytest.raises(ForbiddenAddressError, match=r"intranet \(10.3.0.1\)"):
        OFFICE.check("intranet", [ipaddress.ip_address("10.3.0.1")])


def test_the_first_permitted_address_is_taken() -> None:
    addresses = [ipaddress.ip_address("10.3.0.1"), ipaddress.ip_address("10.2.0.9")]
    assert str(OFFICE.check("intranet", addresses)) == "10.2.0.9"


@pytest.mark.parametrize(
    ("port", "permitted"),
    [(443, True), (80, True), (8080, True), (65535, True), (22, False), (25, False), (1023, False)],
)
def test_by_default_ports_of_other_services_are_refused(port: int, permitted: bool) -> None:
    assert EgressPolicy().permits_port(port) is permitted
    assert AddressPolicy().permits_port(port)


def test_the_operator_chooses_ports_and_schemes() -> None:
    policy = EgressPolicy(ports=(443, "8000-8002"), https_only=True)
    assert [port for port in (80, 443, 7999, 8000, 8002, 8003) if policy.permits_port(port)] == [
        *(443, 8000, 8002),
    ]
    assert policy.permits_scheme("https")
    assert not policy.permits_scheme("http")
    assert not EgressPolicy().permits_scheme("file")
    with pytest.raises(ForbiddenAddressError, match=r"port 80 of example\.com is not allowed"):
        policy.check_endpoint("example.com", 80, [ipaddress.ip_address("8.8.8.8")])


@pytest.mark.parametrize("ports", ["0", "70000", "9-8", "http", "80,443", ""])
def test_ports_that_are_none_are_refused(ports: str) -> None:
    with pytest.raises(ValidationError, match="a port, such as 443"):
        EgressPolicy(ports=(ports,))
