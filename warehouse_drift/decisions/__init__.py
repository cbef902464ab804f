"""From summaries to decisions: p-values, thresholds, corrections, sentences. Pure; no database."""
