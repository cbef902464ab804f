WITH wanted AS (
  SELECT
    'vanished_rate' AS statistic
), over_shares AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    COUNT(*) AS share_bins,
    SUM(CASE WHEN c_c = 0 THEN c_r ELSE 0 END) AS vanished_rows,
    MAX(m_r) AS vanished_of,
    SUM(
      CASE
        WHEN p > 0
        AND p < 1
        AND CAST(m_c AS DOUBLE PRECISION) * LN(
          CAST('1.0' AS DOUBLE PRECISION) - CASE WHEN p < 1 THEN p ELSE CAST('0.5' AS DOUBLE PRECISION) END
        ) > CAST('-700.0' AS DOUBLE PRECISION)
        THEN p * EXP(
          CAST(m_c AS DOUBLE PRECISION) * LN(CAST('1.0' AS DOUBLE PRECISION) - p)
        )
        ELSE CAST('0.0' AS DOUBLE PRECISION)
      END
    ) AS vanished_expected,
    MAX(CASE WHEN c_c = 0 THEN c_r ELSE 0 END) AS vanished_most,
    SUM(CASE WHEN c_r > 0 THEN 1 ELSE 0 END) AS vanished_values
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
      CAST(c_r AS DOUBLE PRECISION) / CAST(m_r AS DOUBLE PRECISION) AS p,
      CAST(c_c AS DOUBLE PRECISION) / CAST(m_c AS DOUBLE PRECISION) AS q
    FROM "bins" AS b
    WHERE
      m_r > 0 AND m_c > 0 AND part = 0 AND c_r + c_c > 0
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
      WHEN 'vanished_rate'
      THEN CASE
        WHEN c.others = 0
        THEN CAST(vanished_rows AS DOUBLE PRECISION) / CAST(vanished_of AS DOUBLE PRECISION)
      END
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS value,
    CAST(NULL AS DOUBLE PRECISION) AS lower_end,
    CAST(NULL AS DOUBLE PRECISION) AS upper_end,
    c.m_r AS n_reference,
    c.m_c AS n_current,
    CASE w.statistic
      WHEN 'vanished_rate'
      THEN CAST(vanished_most AS DOUBLE PRECISION)
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS test_value,
    CASE w.statistic
      WHEN 'vanished_rate'
      THEN CAST(vanished_values AS DOUBLE PRECISION)
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS test_df,
    CASE w.statistic
      WHEN 'vanished_rate'
      THEN vanished_expected
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS expected,
    CASE w.statistic WHEN 'vanished_rate' THEN vanished_values END AS bins,
    CASE
      WHEN (
        c.m_r = 0 OR c.m_c = 0
      )
      THEN 'no_data'
      ELSE CASE w.statistic
        WHEN 'vanished_rate'
        THEN CASE WHEN c.others > 0 THEN 'not_computable' END
        ELSE CAST(NULL AS TEXT)
      END
    END AS reason_code
  FROM "columns" AS c
  LEFT JOIN over_shares
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  CROSS JOIN wanted AS w
) AS said
