"""The result schema: its tables, its views, and writing to them."""
