WITH wanted AS (
  SELECT 'unseen_rate' AS statistic
)
SELECT pair_no, segment_key, segment_kind, segment_value, column_no, statistic, value, COALESCE(lower_end, value) AS value_lower, COALESCE(upper_end, value) AS value_upper, n_reference, n_current, test_value, test_df, expected, bins, reason_code
FROM (
  SELECT pair_no, segment_key, segment_kind, segment_value, column_no, w.statistic,
    CASE w.statistic
      WHEN 'unseen_rate' THEN CASE WHEN c.m_c > 0 AND c.m_r > 0 AND c.others = 0 THEN CAST(c.unseen_c AS DOUBLE) / CAST(c.m_c AS DOUBLE) END ELSE CAST(NULL AS DOUBLE) END AS value,
    CAST(NULL AS DOUBLE) AS lower_end,
    CAST(NULL AS DOUBLE) AS upper_end,
    c.m_r AS n_reference, c.m_c AS n_current,
    CASE w.statistic
      WHEN 'unseen_rate' THEN CAST(c.unseen_c AS DOUBLE) ELSE CAST(NULL AS DOUBLE) END AS test_value,
    CASE w.statistic
      WHEN 'unseen_rate' THEN CAST(c.singletons_r AS DOUBLE) ELSE CAST(NULL AS DOUBLE) END AS test_df,
    CASE w.statistic
      WHEN 'unseen_rate' THEN CASE WHEN c.m_r > 0 THEN CAST(c.singletons_r AS DOUBLE) / CAST(c.m_r AS DOUBLE) END ELSE CAST(NULL AS DOUBLE) END AS expected,
    CAST(NULL AS BIGINT) AS bins,
    CASE WHEN (c.m_r = 0 OR c.m_c = 0) THEN 'no_data' ELSE CASE w.statistic
      WHEN 'unseen_rate' THEN CASE WHEN c.others > 0 THEN 'not_computable' END ELSE CAST(NULL AS VARCHAR) END END AS reason_code
  FROM "columns" AS c

  CROSS JOIN wanted AS w
) AS said
