WITH terms AS (
  SELECT pair_no, segment_key, segment_kind, segment_value, column_no, c_r, c_c, m_r, m_c, CAST(c_r * m_c - c_c * m_r AS DOUBLE) AS gap
  FROM "bins" AS b
  WHERE m_r > 0 AND m_c > 0 AND part = test_part AND c_r + c_c > 0
), summed AS (
  SELECT pair_no, segment_key, segment_kind, segment_value, column_no, COUNT(*) AS bins, CAST(MAX(m_r) AS DOUBLE) AS m_r, CAST(MAX(m_c) AS DOUBLE) AS m_c, SUM(gap / CAST(c_r + c_c AS DOUBLE) * (gap / CAST(m_r AS DOUBLE) / CAST(m_c AS DOUBLE))) AS value, SUM(CASE WHEN ABS(gap) / CAST(m_r + m_c AS DOUBLE) <= 0.5e0 THEN 0e0 ELSE (ABS(gap) / CAST(m_r + m_c AS DOUBLE) - 0.5e0) * (ABS(gap) / CAST(m_r + m_c AS DOUBLE) - 0.5e0) * CAST(m_r + m_c AS DOUBLE) / CAST(c_r + c_c AS DOUBLE) * (1e0 / CAST(m_r AS DOUBLE) + 1e0 / CAST(m_c AS DOUBLE)) END) AS corrected
  FROM terms
  GROUP BY pair_no, segment_key, segment_kind, segment_value, column_no
), total AS (
  SELECT t.pair_no, t.segment_key, t.segment_kind, t.segment_value, t.column_no, CASE WHEN t.bins = 2 THEN t.corrected ELSE t.value END AS value, CASE WHEN t.bins = 2 THEN t.corrected ELSE t.value END AS test_value, CAST(t.bins - 1 AS DOUBLE) AS test_df, t.bins, CAST(NULL AS VARCHAR) AS reason_code
  FROM summed AS t
)
SELECT c.pair_no, c.segment_key, c.segment_kind, c.segment_value, c.column_no, 'chi_squared_yates' AS statistic,
  b.value AS value, b.value AS value_lower, b.value AS value_upper, c.m_r AS n_reference, c.m_c AS n_current,
  b.test_value AS test_value, b.test_df AS test_df, CAST(NULL AS DOUBLE) AS expected, b.bins AS bins,
  CASE WHEN c.m_r = 0 OR c.m_c = 0 THEN 'no_data' ELSE b.reason_code END AS reason_code
FROM "columns" AS c
LEFT JOIN total AS b ON c.pair_no = b.pair_no AND c.segment_key = b.segment_key AND c.segment_kind = b.segment_kind AND c.segment_value = b.segment_value AND c.column_no = b.column_no
