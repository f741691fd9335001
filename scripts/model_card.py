"""Write the tables of docs/model-card.md and its Chinese twin from the reports beside them.

python scripts/model_card.py          # writes the files
python scripts/model_card.py --check  # exit 1 if a file is out of date

The reports in docs/model-card/ are what `tonewatch-train build` and `across` wrote.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).parent.parent / "docs"
REPORTS: Final = DOCS / "model-card"
CARDS: Final = {"en": DOCS / "model-card.md", "zh": DOCS / "model-card.zh-CN.md"}

TARGETS: Final = {
    "emodb": (85, 92), "ravdess": (76, 85), "nemo": (70, 82), "casia": (54, 68), "urdu": (72, 80),
    "tess": (60, 75),
}  # fmt: skip
"""What was wanted of each corpus: at least, goal; unweighted recall in percent."""

Figures = Mapping[str, Any]


def render(card: str, language: str) -> str:
    """The card with its tables made anew."""

    def table(found: re.Match[str]) -> str:
        lines = "\n".join(TABLES[found["name"]](language))
        return f"<!-- {found['name']} -->\n{lines}\n<!-- end -->"

    return re.sub(r"<!-- (?P<name>[a-z-]+) -->\n.*?<!-- end -->", table, card, flags=re.DOTALL)


def left_out(language: str) -> Iterable[str]:
    """Languages that training knew nothing of."""
    words = {
        "en": ("language left out", "corpus", "clips", "UA, 95 % interval", "abnormal AUC", "mean"),
        "zh": ("未参与训练的语言", "语料库", "片段数", "UA,95 % 区间", "异常 AUC", "平均"),
    }[language]
    yield from _head(words[:5])
    recalls, areas = [], []
    for file in sorted(REPORTS.glob("without-*.json")):
        spoken = file.stem.removeprefix("without-")
        for name, group in _read(file.name)["scenes"]["A"].items():
            if name.startswith("corpus: "):
                corpus = name.removeprefix("corpus: ")
                yield _row(spoken, corpus, group["segments"], *_core(group))
                recalls.append(group["unweighted_recall"]["value"])
                areas.append(group["abnormal"]["auc"]["value"])
    mean, auc = sum(recalls) / len(recalls), sum(areas) / len(areas)
    yield _row(f"**{words[5]}**", "", "", f"**{mean:.1%}**", f"**{auc:.3f}**")


def held_out(language: str) -> Iterable[str]:
    """Unseen speakers of corpora that training knows, in the three scenes."""
    words = {
        "en": ("corpus", "speakers", "clips", "A: UA, 95 %", "B", "C", "A: own labels", "wanted"),
        "zh": ("语料库", "说话人", "片段数", "A:UA,95 %", "B", "C", "A:仅该库标签", "目标"),
    }[language]
    yield from _head(words)
    scenes = _read("report.json")["scenes"]
    for corpus, (least, goal) in TARGETS.items():
        groups = [scenes[scene][f"corpus: {corpus}"] for scene in "ABC"]
        recalls = [_interval(group["unweighted_recall"]) for group in groups]
        own = f"{groups[0]['unweighted_recall_own_labels']['value']:.1%}"
        wanted = f"{least} ({goal})"
        yield _row(corpus, groups[0]["speakers"], groups[0]["segments"], *recalls, own, wanted)


def languages(language: str) -> Iterable[str]:
    """Unseen speakers by language."""
    words = {
        "en": ("language", "clips", "A: UA, 95 %", "B", "C"),
        "zh": ("语言", "片段数", "A:UA,95 %", "B", "C"),
    }[language]
    yield from _head(words)
    scenes = _read("report.json")["scenes"]
    for name in (name for name in scenes["A"] if name.startswith("language: ")):
        groups = [scenes[scene][name] for scene in "ABC"]
        recalls = [_interval(group["unweighted_recall"]) for group in groups]
        yield _row(name.removeprefix("language: "), groups[0]["segments"], *recalls)


def abnormal(language: str) -> Iterable[str]:
    """Angry, disgusted, fearful, sad against the rest, windows of three seconds."""
    words = {
        "en": ("corpus", "windows", "AUC", "false alarms at 92.7 % recall", "recall at 5 %", "ECE"),
        "zh": ("语料库", "窗口数", "AUC", "召回 92.7 % 时误报", "误报 5 % 时召回", "ECE"),
    }[language]
    yield from _head(words)
    groups = _read("report.json")["scenes"]["A"]
    found = [groups[f"corpus: {corpus}"]["abnormal"] for corpus in TARGETS]
    for corpus, each in zip(TARGETS, found, strict=True):
        yield _row(corpus, each["windows"], *_abnormal(each))
    mean = {"en": "**mean**", "zh": "**平均**"}[language]
    values = [[_value(each[key]) for each in found] for key in _ABNORMAL]
    auc, alarms, recall, error = (sum(column) / len(column) for column in values)
    yield _row(mean, "", f"**{auc:.3f}**", f"**{alarms:.1%}**", f"{recall:.1%}", f"**{error:.3f}**")
    together = groups["all"]["abnormal"]
    name = {"en": "all windows together", "zh": "全部窗口合计"}[language]
    yield _row(name, together["windows"], *_abnormal(together))


def emotions(language: str) -> Iterable[str]:
    """Recall of each emotion, all unseen speakers."""
    words = {"en": ("emotion", "A", "B", "C"), "zh": ("情绪", "A", "B", "C")}[language]
    yield from _head(words)
    scenes = _read("report.json")["scenes"]
    recalls = [scenes[scene]["all"]["recall"] for scene in "ABC"]
    for name in recalls[0]:
        yield _row(name, *(f"{recall[name]['value']:.1%}" for recall in recalls))


def permissive(language: str) -> Iterable[str]:
    """Weights that learnt from the permissively licensed corpus alone."""
    words = {
        "en": ("trained on EmoDB only, measured on", "clips", "UA, 95 % interval", "abnormal AUC"),
        "zh": ("仅用 EmoDB 训练,测试于", "片段数", "UA,95 % 区间", "异常 AUC"),
    }[language]
    yield from _head(words)
    group = _read("emodb-only.json")["scenes"]["A"]["corpus: emodb"]
    yield _row("emodb", group["segments"], *_core(group))


TABLES: Final[Mapping[str, Callable[[str], Iterable[str]]]] = {
    "left-out": left_out,
    "held-out": held_out,
    "languages": languages,
    "abnormal": abnormal,
    "emotions": emotions,
    "permissive": permissive,
}

_ABNORMAL: Final = ("auc", "false_alarms", "recall", "calibration_error")


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REPORTS / name).read_text(encoding="utf-8"))
    return found


def _core(group: Figures) -> tuple[str, str]:
    return _interval(group["unweighted_recall"]), f"{group['abnormal']['auc']['value']:.3f}"


def _abnormal(found: Figures) -> tuple[str, ...]:
    auc, alarms, recall, error = (_value(found[key]) for key in _ABNORMAL)
    return f"{auc:.3f}", f"{alarms:.1%}", f"{recall:.1%}", f"{error:.3f}"


def _value(figure: Figures | float) -> float:
    return float(figure["value"] if isinstance(figure, Mapping) else figure)


def _interval(figure: Figures) -> str:
    return f"{figure['value']:.1%} ({figure['low']:.1%} to {figure['high']:.1%})"


def _head(words: Iterable[str]) -> Iterable[str]:
    cells = list(words)
    yield _row(*cells)
    yield _row(*("---" for _ in cells))


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Write or check."""
    made = {card: render(card.read_text(encoding="utf-8"), name) for name, card in CARDS.items()}
    if "--check" in sys.argv:
        old = [card.name for card, text in made.items() if card.read_text(encoding="utf-8") != text]
        if old:
            sys.exit(f"{', '.join(old)}: out of date; run scripts/model_card.py")
        return
    for card, text in made.items():
        card.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
