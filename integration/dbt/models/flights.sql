{{ config(materialized='table') }}
select scheduled_at, carrier, origin, cast(dep_delay as double precision) as dep_delay, air_time, distance
from {{ ref('flights_raw') }}
