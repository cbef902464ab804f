"""Results for people and for programs: tables, JSON, CSV. No warehouse access."""
