WITH area AS (
  SELECT pair_no, segment_key, segment_kind, segment_value, column_no, SUM(area_low) + SUM(bridge) AS low, SUM(CASE WHEN area_high > area_low THEN area_high ELSE area_low END) + SUM(bridge) AS high
  FROM "bounds" AS b
  GROUP BY pair_no, segment_key, segment_kind, segment_value, column_no
)
SELECT c.pair_no, c.segment_key, c.segment_kind, c.segment_value, c.column_no, 'wasserstein_normed_floored' AS statistic,
  CASE WHEN c.infinite = 0 AND c.std_r IS NOT NULL THEN (b.low + (b.high - b.low) / 2e0) / CASE WHEN c.std_r > 0.001e0 THEN c.std_r ELSE 0.001e0 END END AS value, CASE WHEN c.infinite = 0 AND c.std_r IS NOT NULL THEN CASE WHEN b.high > b.low THEN b.low * (1e0 - 1e-12) ELSE b.low END / CASE WHEN c.std_r > 0.001e0 THEN c.std_r ELSE 0.001e0 END END AS value_lower, CASE WHEN c.infinite = 0 AND c.std_r IS NOT NULL THEN CASE WHEN b.high > b.low THEN b.high * (1e0 + 1e-12) ELSE b.low END / CASE WHEN c.std_r > 0.001e0 THEN c.std_r ELSE 0.001e0 END END AS value_upper,
  c.m_r AS n_reference, c.m_c AS n_current, CAST(NULL AS DOUBLE) AS test_value, CAST(NULL AS DOUBLE) AS test_df, CAST(NULL AS DOUBLE) AS expected, CAST(NULL AS BIGINT) AS bins, CASE WHEN c.m_r = 0 OR c.m_c = 0 THEN 'no_data' WHEN c.infinite > 0 THEN 'infinite_values' WHEN c.std_r IS NULL THEN 'not_computable' END AS reason_code
FROM "columns" AS c
LEFT JOIN area AS b ON c.pair_no = b.pair_no AND c.segment_key = b.segment_key AND c.segment_kind = b.segment_kind AND c.segment_value = b.segment_value AND c.column_no = b.column_no
WHERE c.column_no IN (1, 2)
