"""What people and corpora call emotions, in English and Chinese, as one of the nine labels."""

from collections.abc import Mapping
from typing import Final

from tonewatch.shared.emotions import CHINESE, Emotion

_WORDS: Final[Mapping[Emotion, str]] = {
    Emotion.ANGRY: "angry anger ang 愤怒 怒",
    Emotion.DISGUSTED: "disgusted disgust dis 反感",
    Emotion.FEARFUL: "fearful fear fea afraid anxious scared 害怕 惊恐",
    Emotion.HAPPY: "happy happiness hap joy joyful excited 高兴 快乐",
    Emotion.NEUTRAL: "neutral neu calm 平静 中性",
    Emotion.OTHER: "other oth bored boredom 无聊",
    Emotion.SAD: "sad sadness 悲伤 伤心",
    Emotion.SURPRISED: "surprised surprise sur pleasant_surprise pleasant_surprised 惊讶 惊奇",
    Emotion.UNKNOWN: "unknown unk <unk> xxx",
}

KNOWN: Final[Mapping[str, Emotion]] = {
    word: emotion for emotion, words in _WORDS.items() for word in words.split()
} | {chinese: emotion for emotion, chinese in CHINESE.items()}

ABNORMAL: Final = (Emotion.ANGRY, Emotion.DISGUSTED, Emotion.FEARFUL, Emotion.SAD)
"""What a supervisor wants to be told of."""


def emotion_of(text: str) -> Emotion | None:
    """The label that a word stands for, or None. Calm counts as neutral, bored as other.

    Both names at once, as emotion2vec writes them (`生气/angry`), are one word.
    """
    return KNOWN.get(text.strip().casefold().rpartition("/")[2].replace(" ", "_"))
