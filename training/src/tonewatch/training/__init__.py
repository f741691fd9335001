"""Training of the compact model and synthesis of the demo: tools for developers only."""
