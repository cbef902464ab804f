WITH ordered AS (
  SELECT pair_no, segment_key, segment_kind, segment_value, column_no, c_r, c_c, m_r, m_c, COUNT(*) OVER (PARTITION BY pair_no, segment_key, segment_kind, segment_value, column_no) AS bins,
    ROW_NUMBER() OVER (PARTITION BY pair_no, segment_key, segment_kind, segment_value, column_no ORDER BY bin_index, bin_label, bin_key) AS place
  FROM "bins" AS b
  WHERE m_r > 0 AND m_c > 0 AND part = 0 AND c_r + c_c > 0
), total AS (
  SELECT pair_no, segment_key, segment_kind, segment_value, column_no, CASE WHEN c_r + c_c = m_r + m_c OR c_r + c_c = 0 THEN 0e0 ELSE (CAST(c_r AS DOUBLE) / CAST(m_r AS DOUBLE) - CAST(c_c AS DOUBLE) / CAST(m_c AS DOUBLE)) / SQRT(CAST(c_r + c_c AS DOUBLE) / CAST(m_r + m_c AS DOUBLE) * (1e0 - CAST(c_r + c_c AS DOUBLE) / CAST(m_r + m_c AS DOUBLE)) * (1e0 / CAST(m_r AS DOUBLE) + 1e0 / CAST(m_c AS DOUBLE))) END AS value, CAST(NULL AS DOUBLE) AS test_value, CAST(NULL AS DOUBLE) AS test_df, bins, CAST(NULL AS VARCHAR) AS reason_code
  FROM ordered
  WHERE place = 1
)
SELECT c.pair_no, c.segment_key, c.segment_kind, c.segment_value, c.column_no, 'two_proportion_z' AS statistic,
  b.value AS value, b.value AS value_lower, b.value AS value_upper, c.m_r AS n_reference, c.m_c AS n_current,
  b.test_value AS test_value, b.test_df AS test_df, CAST(NULL AS DOUBLE) AS expected, b.bins AS bins,
  CASE WHEN c.m_r = 0 OR c.m_c = 0 THEN 'no_data' ELSE b.reason_code END AS reason_code
FROM "columns" AS c
LEFT JOIN total AS b ON c.pair_no = b.pair_no AND c.segment_key = b.segment_key AND c.segment_kind = b.segment_kind AND c.segment_value = b.segment_value AND c.column_no = b.column_no
