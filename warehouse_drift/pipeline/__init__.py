"""The stages that talk to a warehouse: grids, profiles, metrics, refinement. Each takes and gives plain values."""
