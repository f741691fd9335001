"""The command `tonewatch`: what people do at the console, in a terminal, over its public API."""
