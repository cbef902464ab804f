WITH wanted AS (
  SELECT
    'chi_squared_yates' AS statistic
), over_counts AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    COUNT(*) AS test_bins,
    CAST(MAX(m_r + m_c) AS DOUBLE PRECISION) AS test_rows,
    SUM(
      gap / CAST(c_r + c_c AS DOUBLE PRECISION) * (
        gap / CAST(m_r AS DOUBLE PRECISION) / CAST(m_c AS DOUBLE PRECISION)
      )
    ) AS pearson_sum,
    SUM(
      CASE
        WHEN ABS(gap) / CAST(m_r + m_c AS DOUBLE PRECISION) <= CAST('0.5' AS DOUBLE PRECISION)
        THEN CAST('0.0' AS DOUBLE PRECISION)
        ELSE (
          ABS(gap) / CAST(m_r + m_c AS DOUBLE PRECISION) - CAST('0.5' AS DOUBLE PRECISION)
        ) * (
          ABS(gap) / CAST(m_r + m_c AS DOUBLE PRECISION) - CAST('0.5' AS DOUBLE PRECISION)
        ) * CAST(m_r + m_c AS DOUBLE PRECISION) / CAST(c_r + c_c AS DOUBLE PRECISION) * (
          CAST('1.0' AS DOUBLE PRECISION) / CAST(m_r AS DOUBLE PRECISION) + CAST('1.0' AS DOUBLE PRECISION) / CAST(m_c AS DOUBLE PRECISION)
        )
      END
    ) AS yates_sum
  FROM (
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
      CAST(c_r * m_c - c_c * m_r AS DOUBLE PRECISION) AS gap
    FROM "bins" AS b
    WHERE
      m_r > 0 AND m_c > 0 AND part = test_part AND c_r + c_c > 0
  ) AS x
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
      WHEN 'chi_squared_yates'
      THEN CASE WHEN test_bins = 2 THEN yates_sum ELSE pearson_sum END
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS value,
    CAST(NULL AS DOUBLE PRECISION) AS lower_end,
    CAST(NULL AS DOUBLE PRECISION) AS upper_end,
    c.m_r AS n_reference,
    c.m_c AS n_current,
    CASE w.statistic
      WHEN 'chi_squared_yates'
      THEN CASE WHEN test_bins = 2 THEN yates_sum ELSE pearson_sum END
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS test_value,
    CASE w.statistic
      WHEN 'chi_squared_yates'
      THEN CAST(test_bins - 1 AS DOUBLE PRECISION)
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS test_df,
    CAST(NULL AS DOUBLE PRECISION) AS expected,
    CASE w.statistic WHEN 'chi_squared_yates' THEN test_bins END AS bins,
    CASE WHEN (
      c.m_r = 0 OR c.m_c = 0
    ) THEN 'no_data' ELSE CAST(NULL AS TEXT) END AS reason_code
  FROM "columns" AS c
  LEFT JOIN over_counts
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  CROSS JOIN wanted AS w
) AS said
