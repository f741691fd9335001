"""The rule engine: pure, in event time, without I/O.

A track's seconds are put in order (`Reorder`), then every rule looks at each of them (`evaluate`);
what it remembers between seconds is `TrackState`, which is small and saved after each second.

Each second is one of three things:

- heard: it has posteriors, one for each fine step (or one for all of it), and in each step a rule's
  condition holds or does not;
- silent: nobody spoke;
- unheard: it was spoken, perhaps, but there is no score (a gap, a lost frame, a NaN).

A rule's run begins with the first step that holds. Steps that hold lengthen it. Heard steps that do
not hold end it once they are more than the dip tolerance in a row; in a stage of a sequence, at
once. Silent and unheard time does neither, up to the gap tolerance in a row; more ends it. When it
is long enough the alert fires. It resolves after enough calm in a row: heard steps below the
resolve level, and silence beyond the tolerance. Unheard time is never calm: an alert must not
resolve because a worker died. The end of the track resolves it too.

All conditions of a batch of seconds are measured by one matrix product (`Columns.measure`); only
rules of which something holds, or that have a run, are looked at one by one.
"""

from tonewatch.alerting.engine._call import UNKNOWN_CALL, Call
from tonewatch.alerting.engine._evaluate import close_track, evaluate
from tonewatch.alerting.engine._judging import Timing
from tonewatch.alerting.engine._reorder import Bounds, Held, Reorder, Verdict
from tonewatch.alerting.engine._replay import Stored, replay
from tonewatch.alerting.engine._rules import CompiledRule, CompiledRules, Kind, compile_rules
from tonewatch.alerting.engine._seconds import Second, Utterance, second_of, utterance_of
from tonewatch.alerting.engine._state import Firing, Run, TrackState, Transition
from tonewatch.alerting.engine._texts import absence_sentence
from tonewatch.alerting.engine._trace import Standing, TracedSecond, trace
from tonewatch.alerting.engine._utterances import evaluate_utterance

__all__ = [
    "UNKNOWN_CALL",
    "Bounds",
    "Call",
    "CompiledRule",
    "CompiledRules",
    "Firing",
    "Held",
    "Kind",
    "Reorder",
    "Run",
    "Second",
    "Standing",
    "Stored",
    "Timing",
    "TracedSecond",
    "TrackState",
    "Transition",
    "Utterance",
    "Verdict",
    "absence_sentence",
    "close_track",
    "compile_rules",
    "evaluate",
    "evaluate_utterance",
    "replay",
    "second_of",
    "trace",
    "utterance_of",
]
