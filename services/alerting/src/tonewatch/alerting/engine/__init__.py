"""The rule engine: pure, in event time, without I/O.

A track's seconds are put in order (`Reorder`), then every rule looks at each of them (`evaluate`);
what it remembers between seconds is `TrackState`, which is small and saved after each second.

Each second is one of three things:

- heard: it has a posterior, and a rule's condition holds or does not;
- silent: nobody spoke;
- unheard: it was spoken, perhaps, but there is no score (a gap, a lost frame, a NaN).

A rule's run begins with the first second that holds. Seconds that hold lengthen it; a heard second
that does not hold ends it. Silent and unheard seconds do neither, up to the gap tolerance in a row;
one more ends it. When it is long enough the alert fires. It resolves after enough heard seconds in
a row do not hold; silence beyond the tolerance counts like those, unheard seconds never do: an
alert must not resolve because a worker died. The end of the track resolves it too.
"""

from tonewatch.alerting.engine._evaluate import Timing, close_track, evaluate
from tonewatch.alerting.engine._reorder import Bounds, Held, Reorder, Verdict
from tonewatch.alerting.engine._rules import CompiledRule, CompiledRules, compile_rules
from tonewatch.alerting.engine._seconds import Second, second_of
from tonewatch.alerting.engine._state import Firing, Run, TrackState, Transition

__all__ = [
    "Bounds",
    "CompiledRule",
    "CompiledRules",
    "Firing",
    "Held",
    "Reorder",
    "Run",
    "Second",
    "Timing",
    "TrackState",
    "Transition",
    "Verdict",
    "close_track",
    "compile_rules",
    "evaluate",
    "second_of",
]
