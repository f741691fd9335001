"""What all Tonewatch services share: messages, streams, broker, settings, service skeleton."""
