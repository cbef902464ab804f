WITH total AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    squares_value AS value,
    CASE
      WHEN squares_low < squares_high
      THEN squares_low - CAST('1e-12' AS DOUBLE PRECISION) * ABS(squares_low)
      ELSE squares_low
    END AS value_lower,
    CASE
      WHEN squares_low < squares_high
      THEN squares_high + CAST('1e-12' AS DOUBLE PRECISION) * ABS(squares_high)
      ELSE squares_high
    END AS value_upper,
    CAST(NULL AS DOUBLE PRECISION) AS test_value,
    CAST(NULL AS DOUBLE PRECISION) AS test_df,
    CAST(NULL AS DOUBLE PRECISION) AS expected,
    reason_code
  FROM (
    SELECT
      pair_no,
      segment_key,
      segment_kind,
      segment_value,
      column_no,
      CASE WHEN lowest < highest THEN squares_value END AS squares_value,
      CASE
        WHEN lowest < highest
        THEN CASE
          WHEN squares_low < squares_high AND squares_low < 0
          THEN CAST('0.0' AS DOUBLE PRECISION)
          ELSE squares_low
        END
      END AS squares_low,
      CASE WHEN lowest < highest THEN squares_high END AS squares_high,
      CASE WHEN lowest = highest THEN 'one_value' END AS reason_code
    FROM "ranks" AS t
  ) AS x
)
SELECT
  c.pair_no,
  c.segment_key,
  c.segment_kind,
  c.segment_value,
  c.column_no,
  'cramer_von_mises' AS statistic,
  CASE
    WHEN b.value < b.value_lower
    THEN b.value_lower
    WHEN b.value > b.value_upper
    THEN b.value_upper
    ELSE b.value
  END AS value,
  b.value_lower,
  b.value_upper,
  c.m_r AS n_reference,
  c.m_c AS n_current,
  b.test_value,
  b.test_df,
  b.expected,
  CAST(NULL AS BIGINT) AS bins,
  CASE WHEN c.m_r = 0 OR c.m_c = 0 THEN 'no_data' ELSE b.reason_code END AS reason_code
FROM "columns" AS c
LEFT JOIN total AS b
  ON c.pair_no = b.pair_no
  AND c.segment_key = b.segment_key
  AND c.segment_kind = b.segment_kind
  AND c.segment_value = b.segment_value
  AND c.column_no = b.column_no
WHERE
  c.column_no IN (1, 2)
