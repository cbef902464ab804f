WITH ordered AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    c_r,
    c_c,
    m_r,
    m_c,
    COUNT(*) OVER (PARTITION BY pair_no, segment_key, segment_kind, segment_value, column_no) AS bins,
    ROW_NUMBER() OVER (
      PARTITION BY pair_no, segment_key, segment_kind, segment_value, column_no
      ORDER BY bin_index NULLS LAST, bin_label NULLS LAST, bin_key NULLS LAST
    ) AS place
  FROM `bins` AS b
  WHERE
    m_r > 0 AND m_c > 0 AND part = 0 AND c_r + c_c > 0
), total AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    CASE
      WHEN bins <= 2
      THEN CAST(c_c AS FLOAT64) / NULLIF(CAST(m_c AS FLOAT64), 0) - CAST(c_r AS FLOAT64) / NULLIF(CAST(m_r AS FLOAT64), 0)
    END AS value,
    CAST(c_r AS FLOAT64) AS test_value,
    CAST(c_c AS FLOAT64) AS test_df,
    bins,
    CASE WHEN bins > 2 THEN 'not_two_values' END AS reason_code
  FROM ordered
  WHERE
    place = 1
)
SELECT
  c.pair_no,
  c.segment_key,
  c.segment_kind,
  c.segment_value,
  c.column_no,
  'fisher' AS statistic,
  b.value AS value,
  b.value AS value_lower,
  b.value AS value_upper,
  c.m_r AS n_reference,
  c.m_c AS n_current,
  b.test_value AS test_value,
  b.test_df AS test_df,
  CAST(NULL AS FLOAT64) AS expected,
  b.bins AS bins,
  CASE WHEN c.m_r = 0 OR c.m_c = 0 THEN 'no_data' ELSE b.reason_code END AS reason_code
FROM `columns` AS c
LEFT JOIN total AS b
  ON c.pair_no = b.pair_no
  AND c.segment_key = b.segment_key
  AND c.segment_kind = b.segment_kind
  AND c.segment_value = b.segment_value
  AND c.column_no = b.column_no
