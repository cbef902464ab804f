WITH shares AS (
  SELECT pair_no, segment_key, segment_kind, segment_value, column_no, CAST(c_r AS DOUBLE) / CAST(m_r AS DOUBLE) AS p, CAST(c_c AS DOUBLE) / CAST(m_c AS DOUBLE) AS q
  FROM "bins" AS b
  WHERE m_r > 0 AND m_c > 0 AND part = 0
), total AS (
  SELECT pair_no, segment_key, segment_kind, segment_value, column_no, COUNT(*) AS bins,
    SUM(CASE WHEN p > 0 THEN p * LN(2e0 * p / (p + q)) ELSE 0e0 END + CASE WHEN q > 0 THEN q * LN(2e0 * q / (p + q)) ELSE 0e0 END) / (2e0 * LN(2e0)) AS divergence
  FROM shares
  GROUP BY pair_no, segment_key, segment_kind, segment_value, column_no
)
SELECT c.pair_no, c.segment_key, c.segment_kind, c.segment_value, c.column_no, 'jensen_shannon' AS statistic,
  CASE WHEN b.divergence <= 0 THEN 0e0 WHEN b.divergence > 0 THEN SQRT(b.divergence) END AS value, CASE WHEN b.divergence <= 0 THEN 0e0 WHEN b.divergence > 0 THEN SQRT(b.divergence) END AS value_lower, CASE WHEN b.divergence <= 0 THEN 0e0 WHEN b.divergence > 0 THEN SQRT(b.divergence) END AS value_upper,
  c.m_r AS n_reference, c.m_c AS n_current, x.test_value AS test_value, x.test_df AS test_df, CAST(NULL AS DOUBLE) AS expected, b.bins AS bins, CASE WHEN c.m_r = 0 OR c.m_c = 0 THEN 'no_data' END AS reason_code
FROM "columns" AS c
LEFT JOIN total AS b ON c.pair_no = b.pair_no AND c.segment_key = b.segment_key AND c.segment_kind = b.segment_kind AND c.segment_value = b.segment_value AND c.column_no = b.column_no
LEFT JOIN "pearson" AS x ON c.pair_no = x.pair_no AND c.segment_key = x.segment_key AND c.segment_kind = x.segment_kind AND c.segment_value = x.segment_value AND c.column_no = x.column_no
