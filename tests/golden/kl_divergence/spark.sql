WITH wanted AS (
  SELECT
    'kl_divergence' AS statistic
), merged AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    merged_index,
    m_r,
    m_c,
    SUM(c_r) AS c_r,
    SUM(c_c) AS c_c
  FROM `bins` AS b
  WHERE
    m_r > 0 AND m_c > 0 AND part = 0
  GROUP BY
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    merged_index,
    m_r,
    m_c
), shares AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    CASE
      WHEN c_r > 0
      THEN CAST(c_r AS DOUBLE) / CAST(m_r AS DOUBLE)
      WHEN CAST('0.5' AS DOUBLE) / CAST(m_r AS DOUBLE) < CAST(c_c AS DOUBLE) / CAST(m_c AS DOUBLE)
      THEN CAST('0.5' AS DOUBLE) / CAST(m_r AS DOUBLE)
      ELSE CAST(c_c AS DOUBLE) / CAST(m_c AS DOUBLE)
    END AS p,
    CASE
      WHEN c_c > 0
      THEN CAST(c_c AS DOUBLE) / CAST(m_c AS DOUBLE)
      WHEN CAST('0.5' AS DOUBLE) / CAST(m_c AS DOUBLE) < CAST(c_r AS DOUBLE) / CAST(m_r AS DOUBLE)
      THEN CAST('0.5' AS DOUBLE) / CAST(m_c AS DOUBLE)
      ELSE CAST(c_r AS DOUBLE) / CAST(m_r AS DOUBLE)
    END AS q
  FROM merged
  WHERE
    c_r + c_c > 0
), over_filled AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    COUNT(*) AS filled_bins,
    SUM(
      CASE
        WHEN p > 0 AND q > 0
        THEN p * LN(p / q)
        ELSE CAST('0.0' AS DOUBLE)
      END
    ) AS kl_sum,
    SUM(p) AS kl_p,
    SUM(q) AS kl_q,
    SUM(CASE WHEN p > 0 AND q <= 0 THEN 1 ELSE 0 END) AS kl_open
  FROM shares
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
      WHEN 'kl_divergence'
      THEN CASE
        WHEN kl_open > 0
        THEN NULL
        WHEN kl_sum / kl_p - LN(kl_p / kl_q) < 0
        THEN CAST('0.0' AS DOUBLE)
        ELSE kl_sum / kl_p - LN(kl_p / kl_q)
      END
      ELSE CAST(NULL AS DOUBLE)
    END AS value,
    CAST(NULL AS DOUBLE) AS lower_end,
    CAST(NULL AS DOUBLE) AS upper_end,
    c.m_r AS n_reference,
    c.m_c AS n_current,
    CASE WHEN w.statistic IN ('kl_divergence') THEN x.test_value END AS test_value,
    CASE WHEN w.statistic IN ('kl_divergence') THEN x.test_df END AS test_df,
    CAST(NULL AS DOUBLE) AS expected,
    CASE w.statistic WHEN 'kl_divergence' THEN filled_bins END AS bins,
    CASE
      WHEN (
        c.m_r = 0 OR c.m_c = 0
      )
      THEN 'no_data'
      ELSE CASE w.statistic
        WHEN 'kl_divergence'
        THEN CASE WHEN kl_open > 0 THEN 'zero_share' END
        ELSE CAST(NULL AS STRING)
      END
    END AS reason_code
  FROM `columns` AS c
  LEFT JOIN over_filled
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  LEFT JOIN `pearson` AS x
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  CROSS JOIN wanted AS w
) AS said
