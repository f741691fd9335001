"""The inference service: reads frames, forms windows, scores them, publishes what it heard."""
