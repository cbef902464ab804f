"""Statistics: one name in four places (here, sql_templates/statistics, tests/statistics, docs/statistics)."""
