"""``python -m warehouse_drift``."""

from warehouse_drift.cli import main

if __name__ == "__main__":
    main()
