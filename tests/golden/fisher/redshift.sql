WITH wanted AS (
  SELECT
    'fisher' AS statistic
), first_bin AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    c_r AS first_r,
    c_c AS first_c,
    m_r AS first_m_r,
    m_c AS first_m_c,
    first_bins
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
      COUNT(*) OVER (PARTITION BY pair_no, segment_key, segment_kind, segment_value, column_no) AS first_bins,
      ROW_NUMBER() OVER (
        PARTITION BY pair_no, segment_key, segment_kind, segment_value, column_no
        ORDER BY bin_index, bin_label, bin_key
      ) AS place
    FROM "bins" AS b
    WHERE
      m_r > 0 AND m_c > 0 AND part = 0 AND c_r + c_c > 0
  ) AS x
  WHERE
    place = 1
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
      WHEN 'fisher'
      THEN CASE
        WHEN first_bins <= 2
        THEN CAST(first_c AS DOUBLE PRECISION) / CAST(first_m_c AS DOUBLE PRECISION) - CAST(first_r AS DOUBLE PRECISION) / CAST(first_m_r AS DOUBLE PRECISION)
      END
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS value,
    CAST(NULL AS DOUBLE PRECISION) AS lower_end,
    CAST(NULL AS DOUBLE PRECISION) AS upper_end,
    c.m_r AS n_reference,
    c.m_c AS n_current,
    CASE w.statistic
      WHEN 'fisher'
      THEN CAST(first_r AS DOUBLE PRECISION)
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS test_value,
    CASE w.statistic
      WHEN 'fisher'
      THEN CAST(first_c AS DOUBLE PRECISION)
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS test_df,
    CAST(NULL AS DOUBLE PRECISION) AS expected,
    CASE w.statistic WHEN 'fisher' THEN first_bins END AS bins,
    CASE
      WHEN (
        c.m_r = 0 OR c.m_c = 0
      )
      THEN 'no_data'
      ELSE CASE w.statistic
        WHEN 'fisher'
        THEN CASE WHEN first_bins > 2 THEN 'not_two_values' END
        ELSE CAST(NULL AS VARCHAR(MAX))
      END
    END AS reason_code
  FROM "columns" AS c
  LEFT JOIN first_bin
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  CROSS JOIN wanted AS w
) AS said
