"""Limits and states of trading: values in, decisions out; no framework."""
