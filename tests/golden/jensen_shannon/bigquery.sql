WITH wanted AS (
  SELECT
    'jensen_shannon' AS statistic
), over_shares AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    COUNT(*) AS share_bins,
    SUM(
      CASE
        WHEN p > 0
        THEN p * LN(CAST('2.0' AS FLOAT64) * p / NULLIF((
          p + q
        ), 0))
        ELSE CAST('0.0' AS FLOAT64)
      END + CASE
        WHEN q > 0
        THEN q * LN(CAST('2.0' AS FLOAT64) * q / NULLIF((
          p + q
        ), 0))
        ELSE CAST('0.0' AS FLOAT64)
      END
    ) AS js_sum
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
      CAST(c_r AS FLOAT64) / NULLIF(CAST(m_r AS FLOAT64), 0) AS p,
      CAST(c_c AS FLOAT64) / NULLIF(CAST(m_c AS FLOAT64), 0) AS q
    FROM `bins` AS b
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
      WHEN 'jensen_shannon'
      THEN CASE
        WHEN js_sum <= 0
        THEN CAST('0.0' AS FLOAT64)
        WHEN js_sum > 0
        THEN SQRT(
          js_sum / NULLIF(
            (
              CAST('2.0' AS FLOAT64) * LN(CAST('2.0' AS FLOAT64))
            ),
            0
          )
        )
      END
      ELSE CAST(NULL AS FLOAT64)
    END AS value,
    CAST(NULL AS FLOAT64) AS lower_end,
    CAST(NULL AS FLOAT64) AS upper_end,
    c.m_r AS n_reference,
    c.m_c AS n_current,
    CASE WHEN w.statistic IN ('jensen_shannon') THEN x.test_value END AS test_value,
    CASE WHEN w.statistic IN ('jensen_shannon') THEN x.test_df END AS test_df,
    CAST(NULL AS FLOAT64) AS expected,
    CASE w.statistic WHEN 'jensen_shannon' THEN share_bins END AS bins,
    CASE WHEN (
      c.m_r = 0 OR c.m_c = 0
    ) THEN 'no_data' ELSE CAST(NULL AS STRING) END AS reason_code
  FROM `columns` AS c
  LEFT JOIN over_shares
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  LEFT JOIN `pearson` AS x
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  CROSS JOIN wanted AS w
) AS said
