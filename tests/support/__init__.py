"""Builders, waits and servers that tests of several services use."""
