WITH wanted AS (
  SELECT
    'cramers_v_corrected' AS statistic
), over_counts AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    COUNT(*) AS test_bins,
    CAST(MAX(m_r + m_c) AS DOUBLE) AS test_rows,
    SUM(
      gap / CAST(c_r + c_c AS DOUBLE) * (
        gap / CAST(m_r AS DOUBLE) / CAST(m_c AS DOUBLE)
      )
    ) AS pearson_sum
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
      CAST(c_r * m_c - c_c * m_r AS DOUBLE) AS gap
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
      WHEN 'cramers_v_corrected'
      THEN CASE
        WHEN test_bins < 2 OR test_rows < 4 OR CAST(test_bins AS DOUBLE) >= test_rows
        THEN NULL
        WHEN pearson_sum / test_rows <= CAST(test_bins - 1 AS DOUBLE) / (
          test_rows - CAST('1.0' AS DOUBLE)
        )
        THEN CAST('0.0' AS DOUBLE)
        ELSE SQRT(
          (
            pearson_sum / test_rows - CAST(test_bins - 1 AS DOUBLE) / (
              test_rows - CAST('1.0' AS DOUBLE)
            )
          ) / LEAST_IGNORE_NULLS(
            CAST('1.0' AS DOUBLE) - CAST('1.0' AS DOUBLE) / (
              test_rows - CAST('1.0' AS DOUBLE)
            ),
            CAST(test_bins - 1 AS DOUBLE) - CAST((
              test_bins - 1
            ) * (
              test_bins - 1
            ) AS DOUBLE) / (
              test_rows - CAST('1.0' AS DOUBLE)
            )
          )
        )
      END
      ELSE CAST(NULL AS DOUBLE)
    END AS value,
    CAST(NULL AS DOUBLE) AS lower_end,
    CAST(NULL AS DOUBLE) AS upper_end,
    c.m_r AS n_reference,
    c.m_c AS n_current,
    CASE w.statistic
      WHEN 'cramers_v_corrected'
      THEN pearson_sum
      ELSE CAST(NULL AS DOUBLE)
    END AS test_value,
    CASE w.statistic
      WHEN 'cramers_v_corrected'
      THEN CAST(test_bins - 1 AS DOUBLE)
      ELSE CAST(NULL AS DOUBLE)
    END AS test_df,
    CAST(NULL AS DOUBLE) AS expected,
    CASE w.statistic WHEN 'cramers_v_corrected' THEN test_bins END AS bins,
    CASE
      WHEN (
        c.m_r = 0 OR c.m_c = 0
      )
      THEN 'no_data'
      ELSE CASE w.statistic
        WHEN 'cramers_v_corrected'
        THEN CASE WHEN test_bins < 2 OR test_rows < 4 THEN 'one_value' END
        ELSE CAST(NULL AS VARCHAR)
      END
    END AS reason_code
  FROM "columns" AS c
  LEFT JOIN over_counts
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  CROSS JOIN wanted AS w
) AS said
