"""Grids: the fixed cells that every profile of a column is counted on. Pure Python, no database."""
