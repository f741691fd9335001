"""Which addresses may be connected to."""

import ipaddress

import pytest

from tonewatch.shared.egress import AddressPolicy
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
