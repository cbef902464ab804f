WITH merged AS (
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
), summed AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    COUNT(*) AS bins,
    SUM(p) AS whole_p,
    SUM(q) AS whole_q,
    SUM(
      CASE
        WHEN p > 0 AND q > 0
        THEN p * LN(p / q)
        ELSE CAST('0.0' AS DOUBLE)
      END
    ) AS value,
    SUM(CASE WHEN p > 0 AND q <= 0 THEN 1 ELSE 0 END) AS open_bins
  FROM shares
  GROUP BY
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no
), total AS (
  SELECT
    t.pair_no,
    t.segment_key,
    t.segment_kind,
    t.segment_value,
    t.column_no,
    CASE
      WHEN t.open_bins > 0
      THEN NULL
      WHEN t.value / t.whole_p - LN(t.whole_p / t.whole_q) < 0
      THEN CAST('0.0' AS DOUBLE)
      ELSE t.value / t.whole_p - LN(t.whole_p / t.whole_q)
    END AS value,
    x.test_value,
    x.test_df,
    t.bins,
    CASE WHEN t.open_bins > 0 THEN 'zero_share' END AS reason_code
  FROM summed AS t
  LEFT JOIN `pearson` AS x
    ON x.pair_no = t.pair_no
    AND x.segment_key = t.segment_key
    AND x.segment_kind = t.segment_kind
    AND x.segment_value = t.segment_value
    AND x.column_no = t.column_no
)
SELECT
  c.pair_no,
  c.segment_key,
  c.segment_kind,
  c.segment_value,
  c.column_no,
  'kl_divergence' AS statistic,
  b.value AS value,
  b.value AS value_lower,
  b.value AS value_upper,
  c.m_r AS n_reference,
  c.m_c AS n_current,
  b.test_value AS test_value,
  b.test_df AS test_df,
  CAST(NULL AS DOUBLE) AS expected,
  b.bins AS bins,
  CASE WHEN c.m_r = 0 OR c.m_c = 0 THEN 'no_data' ELSE b.reason_code END AS reason_code
FROM `columns` AS c
LEFT JOIN total AS b
  ON c.pair_no = b.pair_no
  AND c.segment_key = b.segment_key
  AND c.segment_kind = b.segment_kind
  AND c.segment_value = b.segment_value
  AND c.column_no = b.column_no
