WITH wanted AS (
  SELECT
    'jensen_shannon_divergence' AS statistic
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
        THEN p * LN(CAST('2.0' AS DOUBLE) * p / (
          p + q
        ))
        ELSE CAST('0.0' AS DOUBLE)
      END + CASE
        WHEN q > 0
        THEN q * LN(CAST('2.0' AS DOUBLE) * q / (
          p + q
        ))
        ELSE CAST('0.0' AS DOUBLE)
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
      CAST(c_r AS DOUBLE) / CAST(m_r AS DOUBLE) AS p,
      CAST(c_c AS DOUBLE) / CAST(m_c AS DOUBLE) AS q
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
      WHEN 'jensen_shannon_divergence'
      THEN CASE
        WHEN js_sum <= 0
        THEN CAST('0.0' AS DOUBLE)
        WHEN js_sum > 0
        THEN js_sum / CAST('2.0' AS DOUBLE) / LN(CAST('2.0' AS DOUBLE))
      END
      ELSE CAST(NULL AS DOUBLE)
    END AS value,
    CAST(NULL AS DOUBLE) AS lower_end,
    CAST(NULL AS DOUBLE) AS upper_end,
    c.m_r AS n_reference,
    c.m_c AS n_current,
    CASE WHEN w.statistic IN ('jensen_shannon_divergence') THEN x.test_value END AS test_value,
    CASE WHEN w.statistic IN ('jensen_shannon_divergence') THEN x.test_df END AS test_df,
    CAST(NULL AS DOUBLE) AS expected,
    CASE w.statistic WHEN 'jensen_shannon_divergence' THEN share_bins END AS bins,
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
