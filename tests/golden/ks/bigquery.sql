WITH wanted AS (
  SELECT
    'ks' AS statistic
), over_cells AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    COUNT(*) AS cells,
    CAST(MAX(ks_low) AS FLOAT64) AS ks_least,
    CAST(MAX(ks_high) AS FLOAT64) AS ks_most
  FROM `bounds` AS b
  GROUP BY
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no
)
SELECT
  pair_no,
  segment_key,
  segment_kind,
  segment_value,
  column_no,
  statistic,
  value,
  COALESCE(lower_end, value) AS value_lower,
  COALESCE(upper_end, value) AS value_upper,
  n_reference,
  n_current,
  test_value,
  test_df,
  expected,
  bins,
  reason_code
FROM (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    w.statistic,
    CASE w.statistic
      WHEN 'ks'
      THEN ks_least / NULLIF(CAST(c.m_r AS FLOAT64), 0) / NULLIF(CAST(c.m_c AS FLOAT64), 0)
      ELSE CAST(NULL AS FLOAT64)
    END AS value,
    CAST(NULL AS FLOAT64) AS lower_end,
    CASE w.statistic
      WHEN 'ks'
      THEN CASE WHEN ks_most > ks_least THEN ks_most ELSE ks_least END / NULLIF(CAST(c.m_r AS FLOAT64), 0) / NULLIF(CAST(c.m_c AS FLOAT64), 0)
      ELSE CAST(NULL AS FLOAT64)
    END AS upper_end,
    c.m_r AS n_reference,
    c.m_c AS n_current,
    CAST(NULL AS FLOAT64) AS test_value,
    CAST(NULL AS FLOAT64) AS test_df,
    CAST(NULL AS FLOAT64) AS expected,
    CAST(NULL AS INT64) AS bins,
    CASE WHEN (
      c.m_r = 0 OR c.m_c = 0
    ) THEN 'no_data' ELSE CAST(NULL AS STRING) END AS reason_code
  FROM `columns` AS c
  LEFT JOIN over_cells
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  CROSS JOIN wanted AS w
  WHERE
    NOT w.statistic IN ('ks') OR c.column_no IN (1, 2)
) AS said
