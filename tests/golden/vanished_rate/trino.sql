WITH shares AS (
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
    CAST(c_r AS DOUBLE) / CAST(m_r AS DOUBLE) AS p
  FROM "bins" AS b
  WHERE
    m_r > 0 AND m_c > 0 AND part = 0 AND c_r > 0
), total AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    CAST(SUM(CASE WHEN c_c = 0 THEN c_r ELSE 0 END) AS DOUBLE) / CAST(MAX(m_r) AS DOUBLE) AS value,
    SUM(
      CASE
        WHEN p < 1
        AND CAST(m_c AS DOUBLE) * LN(
          CAST('1.0' AS DOUBLE) - CASE WHEN p < 1 THEN p ELSE CAST('0.5' AS DOUBLE) END
        ) > CAST('-700.0' AS DOUBLE)
        THEN p * EXP(CAST(m_c AS DOUBLE) * LN(CAST('1.0' AS DOUBLE) - p))
        ELSE CAST('0.0' AS DOUBLE)
      END
    ) AS expected,
    CAST(MAX(CASE WHEN c_c = 0 THEN c_r ELSE 0 END) AS DOUBLE) AS test_value,
    CAST(COUNT(*) AS DOUBLE) AS test_df,
    COUNT(*) AS bins
  FROM shares
  GROUP BY
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no
)
SELECT
  c.pair_no,
  c.segment_key,
  c.segment_kind,
  c.segment_value,
  c.column_no,
  'vanished_rate' AS statistic,
  CASE WHEN c.others = 0 THEN b.value END AS value,
  CASE WHEN c.others = 0 THEN b.value END AS value_lower,
  CASE WHEN c.others = 0 THEN b.value END AS value_upper,
  c.m_r AS n_reference,
  c.m_c AS n_current,
  b.test_value AS test_value,
  b.test_df AS test_df,
  b.expected AS expected,
  b.bins AS bins,
  CASE
    WHEN c.m_r = 0 OR c.m_c = 0
    THEN 'no_data'
    WHEN c.others > 0
    THEN 'not_computable'
  END AS reason_code
FROM "columns" AS c
LEFT JOIN total AS b
  ON c.pair_no = b.pair_no
  AND c.segment_key = b.segment_key
  AND c.segment_kind = b.segment_kind
  AND c.segment_value = b.segment_value
  AND c.column_no = b.column_no
