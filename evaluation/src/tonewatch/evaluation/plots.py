"""The pictures of a report as SVG, to be put into a page whose colours they take over."""

import re
import warnings
from collections.abc import Mapping, Sequence
from html import escape
from io import StringIO
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tonewatch.evaluation.abnormal import RECALL_WANTED, Abnormal
from tonewatch.evaluation.figures import Figures
from tonewatch.shared.emotions import EMOTIONS

_INK: Final = "#010203"  # stands for the page's own colour of text until the SVG is written
_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "tonewatch",  # the same figures give the same file
    "svg.fonttype": "none",  # text stays text, in a font of the reader's
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.facecolor": "none",
    "xtick.color": _INK,
    "ytick.color": _INK,
    "figure.facecolor": "none",
}
_COLOURS: Final = {"A": "#3b82f6", "B": "#d97706", "C": "#8b5cf6"}
_GUIDE: Final = "#8a93a3"
_CELL: Final = (0.11, 0.31, 0.8)  # faded by the share, so that the page shines through


def recall_by_group(scenes: Mapping[str, Mapping[str, Figures]], names: Sequence[str]) -> str:
    """Unweighted recall of the groups in each scene, with its interval."""
    with mpl.rc_context(_STYLE):
        height = 0.9 + (0.22 * len(scenes) + 0.12) * len(names)
        figure, axes = _sheet(7.0, height)
        for row, name in enumerate(names):
            for place, (scene, groups) in enumerate(scenes.items()):
                if (group := groups.get(name)) is None:
                    continue
                found = group.unweighted_recall
                errors = 100 * np.array([[found.value - found.low], [found.high - found.value]])
                axes.barh(
                    row + (place - (len(scenes) - 1) / 2) * 0.26,
                    100 * found.value,
                    0.24,
                    xerr=np.maximum(errors, 0),
                    color=_COLOURS.get(scene),
                    label=f"scene {scene}" if row == 0 else None,
                    error_kw={"lw": 1, "ecolor": _INK},
                )
        axes.set_yticks(range(len(names)), [name.partition(": ")[2] or name for name in names])
        axes.invert_yaxis()
        axes.axvline(100 / len(EMOTIONS), color=_GUIDE, lw=0.8, ls=":")
        axes.set(xlim=(0, 100), xlabel="UA in percent (dotted: a guess at random)")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
        return _svg(figure, "Unweighted recall of each group in each scene")


def confusion(group: Figures, title: str) -> str:
    """What was heard (columns) of what is labelled (rows), in percent of the row."""
    counts = np.array(group.confusion)
    rows = [index for index in range(len(EMOTIONS)) if counts[index].any()]
    shares = counts[rows] / counts[rows].sum(axis=1, keepdims=True)
    with mpl.rc_context(_STYLE):
        figure, axes = _sheet(6.4, 1.3 + 0.42 * len(rows))
        for row, column in np.ndindex(*shares.shape):
            share = shares[row, column]
            corner = (column - 0.48, row - 0.46)
            axes.add_patch(
                mpl.patches.Rectangle(corner, 0.96, 0.92, color=(*_CELL, 0.06 + 0.94 * share), lw=0)
            )
            if counts[rows[row], column]:
                colour = "white" if share > 0.7 else _INK  # noqa: PLR2004 - where blue gets dark
                label = f"{100 * share:.0f}"
                axes.text(column, row, label, ha="center", va="center", color=colour)
        axes.set(xlim=(-0.5, len(EMOTIONS) - 0.5), ylim=(len(rows) - 0.5, -0.5))
        axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=35, ha="right")
        axes.set_yticks(range(len(rows)), [EMOTIONS[index] for index in rows])
        axes.set(ylabel="labelled", xlabel="heard as, % of the row")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        return _svg(figure, title)


def roc(scenes: Mapping[str, Abnormal]) -> str:
    """Recall of what is abnormal against false alarms."""
    with mpl.rc_context(_STYLE):
        figure, axes = _sheet(4.2, 3.8)
        axes.plot([0, 1], [0, 1], color=_GUIDE, lw=0.8, ls=":")
        for scene, found in scenes.items():
            false_alarms, recall = zip(*found.roc, strict=True)
            label = f"{scene}: AUC {found.auc.value:.3f}"
            axes.plot(false_alarms, recall, color=_COLOURS.get(scene), label=label)
        axes.axhline(RECALL_WANTED, color=_GUIDE, lw=0.8, ls="--")
        axes.set(xlabel="false alarms (share of the other windows)", xlim=(0, 1), ylim=(0, 1.01))
        axes.set(ylabel="recall (share of the abnormal windows)")
        axes.legend(loc="lower right", frameon=False)
        return _svg(figure, "ROC curve of abnormal against the rest")


def calibration(scenes: Mapping[str, Abnormal]) -> str:
    """How often it was abnormal, against how probable the engine said that it is."""
    with mpl.rc_context(_STYLE):
        figure, axes = _sheet(4.2, 3.8)
        axes.plot([0, 1], [0, 1], color=_GUIDE, lw=0.8, ls=":")
        for scene, found in scenes.items():
            stated, true, _ = zip(*found.calibration, strict=True)
            label = f"{scene}: ECE {found.calibration_error:.3f}"
            axes.plot(stated, true, marker="o", ms=4, color=_COLOURS.get(scene), label=label)
        axes.set(xlabel="probability that the engine states", xlim=(0, 1), ylim=(0, 1.01))
        axes.set(ylabel="share that is abnormal")
        axes.legend(loc="upper left", frameon=False)
        return _svg(figure, "Calibration of abnormal")


def _sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of that many inches with one pair of axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Figure, title: str) -> str:
    """The figure without XML header, date and fixed size."""
    text = StringIO()
    with warnings.catch_warnings():
        # names of groups may be Chinese; the reader's browser has the letters, matplotlib need not
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    attributes = f'class="plot" role="img" aria-label="{escape(title)}"'
    return re.sub(
        r'<svg (.*?)width="[\d.]+pt" height="[\d.]+pt"', rf"<svg {attributes} \1", svg, count=1
    )
