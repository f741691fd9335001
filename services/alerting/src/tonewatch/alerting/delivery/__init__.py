"""From an alert to everybody who is to be told: outbox, retries, webhooks, e-mail."""
