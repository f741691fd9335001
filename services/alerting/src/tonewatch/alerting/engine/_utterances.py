"""Rules that look at whole utterances: each is one observation as long as it is.

Utterances come when they are scored, which is after their seconds; one that comes after a later one
is late. Pauses lie between utterances by their nature, so they neither bridge nor break a row.
"""

from tonewatch.alerting.engine._call import UNKNOWN_CALL, Call
from tonewatch.alerting.engine._evaluate import close_track, drop_orphans, keep
from tonewatch.alerting.engine._judging import Moment, Timing
from tonewatch.alerting.engine._level import judge_level
from tonewatch.alerting.engine._rules import CompiledRules
from tonewatch.alerting.engine._seconds import Second, Utterance
from tonewatch.alerting.engine._state import TrackState, Transition, world_ms
from tonewatch.shared.messages import Track


def evaluate_utterance(
    rules: CompiledRules,
    track: Track,
    state: TrackState,
    utterance: Utterance,
    timing: Timing,
    call: Call = UNKNOWN_CALL,
) -> list[Transition]:
    """Let the rules for utterances look at the next one; changes the state in place.

    The track may have ended: its last utterance is scored after its last frame. What fires then
    resolves at once, for nothing follows.
    """
    state.next_utterance = utterance.number + 1
    chosen = rules.choose(track.speaker, call.labels)
    if not chosen.utterances:
        return []
    start_ms, end_ms = utterance.start_ms, utterance.end_ms
    now = Moment(
        track=track,
        call=call,
        timing=timing,
        state=state,
        start_ms=start_ms,
        end_ms=end_ms,
        world_offset=world_ms(utterance.captured_at) - start_ms,
        edges=[start_ms, end_ms],
    )
    drop_orphans(rules, chosen, now)
    measured = rules.columns.of(Second(first=0, last=0, probabilities=utterance.probabilities))
    for rule in chosen.utterances:
        keep(state, rule, judge_level(rule, state.runs.get(rule.name), now, measured))
    if state.ended:
        now.said += close_track(state, utterance.captured_at)
    return now.said
