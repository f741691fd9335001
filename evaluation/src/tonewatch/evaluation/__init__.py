"""Measures how well an engine hears emotions in one's own labelled calls."""
