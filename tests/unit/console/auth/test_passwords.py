"""Hashes of passwords, and what is no good as one."""

import asyncio

import pytest

from tonewatch.console.auth.passwords import LONGEST, Passwords, check_password
from tonewatch.shared.errors import InvalidInputError


async def test_a_hash_is_argon2id_and_different_each_time() -> None:
    passwords = Passwords()
    first, second = await asyncio.gather(*(passwords.hash("密码 password") for _ in range(2)))
    assert first.startswith("$argon2id$")
    assert first != second
    assert await passwords.verify("密码 password", first)
    assert not await passwords.verify("密码 passworD", first)
    assert not await passwords.verify("密码 password", None)
    assert not await passwords.verify("nobody has this password", None)
    assert not await passwords.verify("x", "no hash")


async def test_the_loop_turns_while_a_password_is_checked() -> None:
    task = asyncio.create_task(Passwords().hash("some password"))
    turns = 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 10


@pytest.mark.parametrize(
    "password", ["", "123456789", "x" * 12, "Long Name Of Lin", "y" + "x" * LONGEST]
)
def test_what_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(InvalidInputError, match="password"):
        check_password(password, "long name of lin")
    check_password("1234567890", "lin")
