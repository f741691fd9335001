"""From an alert to everybody who is to be told: receivers, outbox, retries, channels.

What the stage that decides about notices uses of this package:

- `receivers.Receivers`: `await refresh()` once per batch (cheap when nothing changed), then
  `for_alert(alert, event_type, channels=None) -> list[Receiver]`. It looks up channel names
  (`channels` in the place of `alert.channels`, for escalation) and applies the subscriptions'
  filters. A `Receiver` has `channel` (its type: "webhook", "email", "dingtalk" ...), `id`, `name`.
- `values.delivery_values(alert, event_type, receiver, notice=..., others=(), held_back=0,
  after=None) -> dict`: one row of the outbox. `event_type` is a `payload.EventType`; `notice`
  ("firing", "resolved", "repeat-2", "escalated-1", "digest-<id>", at most 64 characters) makes the
  row unique with (alert_id, receiver) and gives the `webhook-id`. `others` are up to 25 further
  alerts that the message tells of (body: `data.others`), `held_back` how many of them a flood cap
  had held. `after` is the id of a delivery that must be finished before this one is due; besides,
  a delivery is never due before older ones of the same alert to the same receiver are finished.
  One whose `after` ended undelivered fails unsent: nobody is told of the end of what they never
  heard of.
  `alert.notice.expires_seconds` becomes the row's `expires_ms`, counted from `alert.decided_at`.
- `outbox.Outbox.add(rows, session=None)`: idempotent by (alert_id, notice, receiver); inside an
  open transaction if `session` is given. Call `Sender.wake()` after the commit.
- `Outbox.first_sent_ms(alert_ids) -> {alert_id: milliseconds}`: the first successful send of
  each alert that had one; `DeliveryRow.first_sent_ms` stays when a delivery is sent again.
- `Sender.on_sent(listener)`: `listener(alert_ids)` is called after a commit that wrote down
  successful sends, in the event loop.
- `tables.DeliveryRow`: `state` is waiting, delivered, failed or expired.
"""
