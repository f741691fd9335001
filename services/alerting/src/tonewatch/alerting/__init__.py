"""The alerting service: rules over scores, alerts with memory, deliveries that are never lost."""
