WITH wanted AS (
  SELECT
    'wasserstein_normed' AS statistic
), over_cells AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    COUNT(*) AS cells,
    SUM(area_low) + SUM(bridge) AS area_least,
    SUM(CASE WHEN area_high > area_low THEN area_high ELSE area_low END) + SUM(bridge) AS area_most
  FROM "bounds" AS b
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
      WHEN 'wasserstein_normed'
      THEN CASE
        WHEN c.infinite = 0 AND c.std_r > CAST('0.0' AS DOUBLE)
        THEN CAST((
          area_least + (
            area_most - area_least
          ) / CAST('2.0' AS DOUBLE)
        ) AS DOUBLE) / c.std_r
      END
      ELSE CAST(NULL AS DOUBLE)
    END AS value,
    CASE w.statistic
      WHEN 'wasserstein_normed'
      THEN CASE
        WHEN c.infinite = 0 AND c.std_r > CAST('0.0' AS DOUBLE)
        THEN CAST(CASE
          WHEN area_most > area_least
          THEN area_least * (
            CAST('1.0' AS DOUBLE) - CAST('1e-12' AS DOUBLE)
          )
          ELSE area_least
        END AS DOUBLE) / c.std_r
      END
      ELSE CAST(NULL AS DOUBLE)
    END AS lower_end,
    CASE w.statistic
      WHEN 'wasserstein_normed'
      THEN CASE
        WHEN c.infinite = 0 AND c.std_r > CAST('0.0' AS DOUBLE)
        THEN CAST(CASE
          WHEN area_most > area_least
          THEN area_most * (
            CAST('1.0' AS DOUBLE) + CAST('1e-12' AS DOUBLE)
          )
          ELSE area_least
        END AS DOUBLE) / c.std_r
      END
      ELSE CAST(NULL AS DOUBLE)
    END AS upper_end,
    c.m_r AS n_reference,
    c.m_c AS n_current,
    CAST(NULL AS DOUBLE) AS test_value,
    CAST(NULL AS DOUBLE) AS test_df,
    CAST(NULL AS DOUBLE) AS expected,
    CAST(NULL AS BIGINT) AS bins,
    CASE
      WHEN (
        c.m_r = 0 OR c.m_c = 0
      )
      THEN 'no_data'
      ELSE CASE w.statistic
        WHEN 'wasserstein_normed'
        THEN CASE
          WHEN c.infinite > 0
          THEN 'infinite_values'
          WHEN c.std_r IS NULL
          THEN 'not_computable'
          WHEN c.std_r = CAST('0.0' AS DOUBLE)
          THEN 'constant_reference'
        END
        ELSE CAST(NULL AS VARCHAR)
      END
    END AS reason_code
  FROM "columns" AS c
  LEFT JOIN over_cells
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  CROSS JOIN wanted AS w
  WHERE
    NOT w.statistic IN ('wasserstein_normed') OR c.column_no IN (1, 2)
) AS said
