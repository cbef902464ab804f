WITH wanted AS (
  SELECT
    'missing_rate' AS statistic
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
      WHEN 'missing_rate'
      THEN CASE
        WHEN c.rows_c > 0
        THEN CAST(c.missing_c AS DOUBLE PRECISION) / CAST(c.rows_c AS DOUBLE PRECISION)
      END
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS value,
    CAST(NULL AS DOUBLE PRECISION) AS lower_end,
    CAST(NULL AS DOUBLE PRECISION) AS upper_end,
    CASE WHEN w.statistic IN ('missing_rate') THEN c.rows_r ELSE c.m_r END AS n_reference,
    CASE WHEN w.statistic IN ('missing_rate') THEN c.rows_c ELSE c.m_c END AS n_current,
    CASE w.statistic
      WHEN 'missing_rate'
      THEN CAST(c.missing_c AS DOUBLE PRECISION)
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS test_value,
    CASE w.statistic
      WHEN 'missing_rate'
      THEN CAST(c.missing_r AS DOUBLE PRECISION)
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS test_df,
    CAST(NULL AS DOUBLE PRECISION) AS expected,
    CAST(NULL AS BIGINT) AS bins,
    CASE
      WHEN (
        c.m_r = 0 OR c.m_c = 0
      ) AND NOT w.statistic IN ('missing_rate')
      THEN 'no_data'
      ELSE CASE w.statistic
        WHEN 'missing_rate'
        THEN CASE WHEN c.rows_c = 0 THEN 'no_data' END
        ELSE CAST(NULL AS VARCHAR(MAX))
      END
    END AS reason_code
  FROM "columns" AS c
  CROSS JOIN wanted AS w
) AS said
