"""The types of channels, each in a module of its own."""
