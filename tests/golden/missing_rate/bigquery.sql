SELECT
  c.pair_no,
  c.segment_key,
  c.segment_kind,
  c.segment_value,
  c.column_no,
  'missing_rate' AS statistic,
  CASE
    WHEN c.rows_c > 0
    THEN CAST(c.missing_c AS FLOAT64) / NULLIF(CAST(c.rows_c AS FLOAT64), 0)
  END AS value,
  CASE
    WHEN c.rows_c > 0
    THEN CAST(c.missing_c AS FLOAT64) / NULLIF(CAST(c.rows_c AS FLOAT64), 0)
  END AS value_lower,
  CASE
    WHEN c.rows_c > 0
    THEN CAST(c.missing_c AS FLOAT64) / NULLIF(CAST(c.rows_c AS FLOAT64), 0)
  END AS value_upper,
  c.rows_r AS n_reference,
  c.rows_c AS n_current,
  CAST(c.missing_c AS FLOAT64) AS test_value,
  CAST(c.missing_r AS FLOAT64) AS test_df,
  CAST(NULL AS FLOAT64) AS expected,
  CAST(NULL AS INT64) AS bins,
  CASE WHEN c.rows_c = 0 THEN 'no_data' END AS reason_code
FROM `columns` AS c
