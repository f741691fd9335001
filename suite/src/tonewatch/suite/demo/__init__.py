"""A call that nobody made and a webhook receiver: what the demo plays and where it rings."""
