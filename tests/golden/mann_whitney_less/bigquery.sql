WITH total AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    (
      wins_low + (
        wins_high - wins_low
      ) / CAST('2.0' AS FLOAT64)
    ) / CAST('2.0' AS FLOAT64) / NULLIF((
      m_r * m_c
    ), 0) AS value,
    wins_low / CAST('2.0' AS FLOAT64) / NULLIF((
      m_r * m_c
    ), 0) AS value_lower,
    wins_high / CAST('2.0' AS FLOAT64) / NULLIF((
      m_r * m_c
    ), 0) AS value_upper,
    (
      wins_low + (
        wins_high - wins_low
      ) / CAST('2.0' AS FLOAT64)
    ) / CAST('2.0' AS FLOAT64) AS test_value,
    ties_low AS test_df,
    CASE WHEN ties_high > ties_low THEN ties_high END AS expected,
    CAST(NULL AS STRING) AS reason_code
  FROM `ranks` AS t
)
SELECT
  c.pair_no,
  c.segment_key,
  c.segment_kind,
  c.segment_value,
  c.column_no,
  'mann_whitney_less' AS statistic,
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
  CAST(NULL AS INT64) AS bins,
  CASE WHEN c.m_r = 0 OR c.m_c = 0 THEN 'no_data' ELSE b.reason_code END AS reason_code
FROM `columns` AS c
LEFT JOIN total AS b
  ON c.pair_no = b.pair_no
  AND c.segment_key = b.segment_key
  AND c.segment_kind = b.segment_kind
  AND c.segment_value = b.segment_value
  AND c.column_no = b.column_no
WHERE
  c.column_no IN (1, 2)
