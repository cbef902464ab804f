"""Decisions: from summaries to ok, warn, alert or a reason why not. Pure: no database, no clock, no files."""
