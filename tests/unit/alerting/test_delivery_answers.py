"""What a receiver answers is kept, without what was secret in its request."""

import pytest

from tonewatch.alerting.delivery.post import veiled

HEADERS = {"authorization": "Bearer s3cret-of-ours", "webhook-id": "msg_0123456789", "x": "on"}


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("you sent Bearer s3cret-of-ours", "you sent ***"),
        ('{"token": "s3cret-of-ours"}', '{"token": "***"}'),
        ("unknown robot token-of-robot", "unknown robot ***"),
        ("POST /hook/path-of-robot?t=token-of-robot failed", "POST /hook/***?*** failed"),
        ("msg_0123456789 is on", "msg_0123456789 is on"),
        ("redis://u:pw@h is away", "redis://***@h is away"),
    ],
)
def test_an_answer_is_kept_without_the_secrets_of_the_request(answer: str, kept: str) -> None:
    assert veiled(answer, "https://h/hook/path-of-robot?t=token-of-robot", HEADERS) == kept


def test_a_message_without_secrets_changes_nothing() -> None:
    assert veiled("thanks", "https://h/", {}) == "thanks"
