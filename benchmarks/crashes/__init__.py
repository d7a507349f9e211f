"""A trader that is killed again and again, and whether anything was lost or doubled."""
