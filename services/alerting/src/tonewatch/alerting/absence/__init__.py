"""Conditions that no score can tell of: a stream that is down, scores that do not come.

They are looked at every second, by the clock. What is found is published with ids that follow from
what is seen in Redis, so that a replica, or this process after a restart, comes to the same ones;
the alerts stream itself is the memory of what is open (`Journal`). A second `firing` or `resolved`
of one id counts once, for everybody who reads alerts.
"""

from tonewatch.alerting.absence._watch import AbsenceWatch

__all__ = ["AbsenceWatch"]
