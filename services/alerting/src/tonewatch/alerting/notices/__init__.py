"""Between the alerts stream and the deliveries: whether, when and with what somebody is told.

The engine says what fires and what resolves; here each transition enters a ledger, and everything
that may keep people from being told (silences, inhibition, cooldown, flood caps) is recorded with
its reason. The division of labour, and most of the words, are Prometheus Alertmanager's.

- `model`: an alert's entry in the ledger, a notice, an event of its history; no I/O.
- `policy`: the reasons to hold an alert back, and the times to look again; pure functions.
- `book`, `bundles`: one step of decisions over the entries in hand, and what is told together;
  pure, at whatever time they are given.
- `turn`, `tables`, `rows`, `ledger`: the entries in the database. Every change is made by whoever
  has the turn, a row that is locked when the transaction begins: replicas decide one by one.
- `writer`: from notices to delivery rows, in the same transaction.
- `dispatcher`, `stage`: the loops that bring alerts and the passing of time to the book.
- `people`, `silences`, `listing`, `precision`: what people do with alerts, and see of them.
"""
