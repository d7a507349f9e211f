"""Scans of the whole market from live state."""
