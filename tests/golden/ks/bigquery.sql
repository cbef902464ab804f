WITH top AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    CAST(MAX(ks_low) AS FLOAT64) AS low,
    CAST(MAX(ks_high) AS FLOAT64) AS high
  FROM `bounds` AS b
  GROUP BY
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no
)
SELECT
  c.pair_no,
  c.segment_key,
  c.segment_kind,
  c.segment_value,
  c.column_no,
  'ks' AS statistic,
  b.low / NULLIF(CAST(c.m_r AS FLOAT64), 0) / NULLIF(CAST(c.m_c AS FLOAT64), 0) AS value,
  b.low / NULLIF(CAST(c.m_r AS FLOAT64), 0) / NULLIF(CAST(c.m_c AS FLOAT64), 0) AS value_lower,
  CASE WHEN b.high > b.low THEN b.high ELSE b.low END / NULLIF(CAST(c.m_r AS FLOAT64), 0) / NULLIF(CAST(c.m_c AS FLOAT64), 0) AS value_upper,
  c.m_r AS n_reference,
  c.m_c AS n_current,
  CAST(NULL AS FLOAT64) AS test_value,
  CAST(NULL AS FLOAT64) AS test_df,
  CAST(NULL AS FLOAT64) AS expected,
  CAST(NULL AS INT64) AS bins,
  CASE WHEN c.m_r = 0 OR c.m_c = 0 THEN 'no_data' END AS reason_code
FROM `columns` AS c
LEFT JOIN top AS b
  ON c.pair_no = b.pair_no
  AND c.segment_key = b.segment_key
  AND c.segment_kind = b.segment_kind
  AND c.segment_value = b.segment_value
  AND c.column_no = b.column_no
WHERE
  c.column_no IN (1, 2)
