WITH total AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    weighted_value AS value,
    CASE
      WHEN weighted_low < weighted_high
      THEN weighted_low - CAST('1e-12' AS DOUBLE PRECISION) * ABS(weighted_low)
      ELSE weighted_low
    END AS value_lower,
    CASE
      WHEN weighted_low < weighted_high
      THEN weighted_high + CAST('1e-12' AS DOUBLE PRECISION) * ABS(weighted_high)
      ELSE weighted_high
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
      CASE WHEN lowest < highest AND m_r + m_c > 3 THEN weighted_value END AS weighted_value,
      CASE WHEN lowest < highest AND m_r + m_c > 3 THEN weighted_low END AS weighted_low,
      CASE WHEN lowest < highest AND m_r + m_c > 3 THEN weighted_high END AS weighted_high,
      CASE
        WHEN lowest = highest
        THEN 'one_value'
        WHEN m_r + m_c < 4
        THEN 'insufficient'
      END AS reason_code
    FROM "ranks" AS t
  ) AS x
)
SELECT
  c.pair_no,
  c.segment_key,
  c.segment_kind,
  c.segment_value,
  c.column_no,
  'anderson_darling' AS statistic,
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
