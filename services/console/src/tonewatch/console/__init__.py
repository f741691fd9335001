"""The web page that supervisors keep open, and the public door through which programs come in."""
