WITH wanted AS (
  SELECT
    'two_proportion_z' AS statistic
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
        ORDER BY bin_index NULLS LAST, bin_label NULLS LAST, bin_key NULLS LAST
      ) AS place
    FROM `bins` AS b
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
      WHEN 'two_proportion_z'
      THEN CASE
        WHEN first_r + first_c = first_m_r + first_m_c OR first_r + first_c = 0
        THEN CAST('0.0' AS FLOAT64)
        ELSE (
          CAST(first_r AS FLOAT64) / NULLIF(CAST(first_m_r AS FLOAT64), 0) - CAST(first_c AS FLOAT64) / NULLIF(CAST(first_m_c AS FLOAT64), 0)
        ) / NULLIF(
          SQRT(
            CAST(first_r + first_c AS FLOAT64) / NULLIF(CAST(first_m_r + first_m_c AS FLOAT64), 0) * (
              CAST('1.0' AS FLOAT64) - CAST(first_r + first_c AS FLOAT64) / NULLIF(CAST(first_m_r + first_m_c AS FLOAT64), 0)
            ) * (
              CAST('1.0' AS FLOAT64) / NULLIF(CAST(first_m_r AS FLOAT64), 0) + CAST('1.0' AS FLOAT64) / NULLIF(CAST(first_m_c AS FLOAT64), 0)
            )
          ),
          0
        )
      END
      ELSE CAST(NULL AS FLOAT64)
    END AS value,
    CAST(NULL AS FLOAT64) AS lower_end,
    CAST(NULL AS FLOAT64) AS upper_end,
    c.m_r AS n_reference,
    c.m_c AS n_current,
    CAST(NULL AS FLOAT64) AS test_value,
    CAST(NULL AS FLOAT64) AS test_df,
    CAST(NULL AS FLOAT64) AS expected,
    CASE w.statistic WHEN 'two_proportion_z' THEN first_bins END AS bins,
    CASE WHEN (
      c.m_r = 0 OR c.m_c = 0
    ) THEN 'no_data' ELSE CAST(NULL AS STRING) END AS reason_code
  FROM `columns` AS c
  LEFT JOIN first_bin
    USING (pair_no, segment_key, segment_kind, segment_value, column_no)
  CROSS JOIN wanted AS w
) AS said
