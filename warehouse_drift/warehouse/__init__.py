"""Talking to a warehouse: connecting, looking at columns, running statements."""
