"""Telling people and programs of incidents."""
