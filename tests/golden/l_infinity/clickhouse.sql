WITH wanted AS (
  SELECT
    'l_infinity' AS statistic
), over_shares AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    CAST(COUNT(*) AS Nullable(Int64)) AS share_bins,
    MAX(ABS(p - q)) AS largest_gap
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
      CAST(c_r AS Nullable(Float64)) / CAST(m_r AS Nullable(Float64)) AS p,
      CAST(c_c AS Nullable(Float64)) / CAST(m_c AS Nullable(Float64)) AS q
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
    w.statistic AS statistic,
    CASE w.statistic
      WHEN 'l_infinity'
      THEN largest_gap
      ELSE CAST(NULL AS Nullable(Float64))
    END AS value,
    CAST(NULL AS Nullable(Float64)) AS lower_end,
    CAST(NULL AS Nullable(Float64)) AS upper_end,
    c.m_r AS n_reference,
    c.m_c AS n_current,
    CASE WHEN w.statistic IN ('l_infinity') THEN x.test_value END AS test_value,
    CASE WHEN w.statistic IN ('l_infinity') THEN x.test_df END AS test_df,
    CAST(NULL AS Nullable(Float64)) AS expected,
    CASE w.statistic WHEN 'l_infinity' THEN share_bins END AS bins,
    CASE
      WHEN (
        c.m_r = 0 OR c.m_c = 0
      )
      THEN 'no_data'
      ELSE CAST(NULL AS Nullable(String))
    END AS reason_code
  FROM "columns" AS c
  LEFT JOIN over_shares
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  LEFT JOIN "pearson" AS x
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  CROSS JOIN wanted AS w
) AS said
