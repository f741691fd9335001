"""The nine emotion labels, in the order in which emotion2vec+ numbers them.

The order is part of the message format: a posterior is an array of nine numbers, this its index.
"""

from enum import StrEnum
from typing import Final


class Emotion(StrEnum):
    """One label of emotion2vec+ (Ma et al., ACL 2024), which prints `unknown` as `<unk>`."""

    ANGRY = "angry"
    DISGUSTED = "disgusted"
    FEARFUL = "fearful"
    HAPPY = "happy"
    NEUTRAL = "neutral"
    OTHER = "other"
    SAD = "sad"
    SURPRISED = "surprised"
    UNKNOWN = "unknown"


EMOTIONS: Final = tuple(Emotion)
"""The labels by index of a posterior."""

NO_SPEECH: Final = "no_speech"
"""What a second without speech is called: silence is not neutral, it is never scored."""

CHINESE: Final = {
    Emotion.ANGRY: "生气",
    Emotion.DISGUSTED: "厌恶",
    Emotion.FEARFUL: "恐惧",
    Emotion.HAPPY: "开心",
    Emotion.NEUTRAL: "中立",
    Emotion.OTHER: "其他",
    Emotion.SAD: "难过",
    Emotion.SURPRISED: "吃惊",
    Emotion.UNKNOWN: "未知",
}
"""The labels as the model's own token list spells them in Chinese."""
