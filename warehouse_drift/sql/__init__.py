"""Templates to SQL text: rendering, the house subset, translation to a dialect."""
