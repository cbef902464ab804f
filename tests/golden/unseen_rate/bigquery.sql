SELECT
  c.pair_no,
  c.segment_key,
  c.segment_kind,
  c.segment_value,
  c.column_no,
  'unseen_rate' AS statistic,
  CASE
    WHEN c.m_c > 0 AND c.m_r > 0 AND c.others = 0
    THEN CAST(c.unseen_c AS FLOAT64) / NULLIF(CAST(c.m_c AS FLOAT64), 0)
  END AS value,
  CASE
    WHEN c.m_c > 0 AND c.m_r > 0 AND c.others = 0
    THEN CAST(c.unseen_c AS FLOAT64) / NULLIF(CAST(c.m_c AS FLOAT64), 0)
  END AS value_lower,
  CASE
    WHEN c.m_c > 0 AND c.m_r > 0 AND c.others = 0
    THEN CAST(c.unseen_c AS FLOAT64) / NULLIF(CAST(c.m_c AS FLOAT64), 0)
  END AS value_upper,
  c.m_r AS n_reference,
  c.m_c AS n_current,
  CAST(c.unseen_c AS FLOAT64) AS test_value,
  CAST(c.singletons_r AS FLOAT64) AS test_df,
  CASE
    WHEN c.m_r > 0
    THEN CAST(c.singletons_r AS FLOAT64) / NULLIF(CAST(c.m_r AS FLOAT64), 0)
  END AS expected,
  CAST(NULL AS INT64) AS bins,
  CASE
    WHEN c.m_c = 0 OR c.m_r = 0
    THEN 'no_data'
    WHEN c.others > 0
    THEN 'not_computable'
  END AS reason_code
FROM `columns` AS c
