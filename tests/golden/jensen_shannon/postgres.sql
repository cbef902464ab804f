WITH shares AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    CAST(c_r AS DOUBLE PRECISION) / CAST(m_r AS DOUBLE PRECISION) AS p,
    CAST(c_c AS DOUBLE PRECISION) / CAST(m_c AS DOUBLE PRECISION) AS q
  FROM "bins" AS b
  WHERE
    m_r > 0 AND m_c > 0 AND part = 0
), total AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    COUNT(*) AS bins,
    CAST(SUM(
      CASE
        WHEN p > 0
        THEN p * LN(
          CAST(CAST('2.0' AS DOUBLE PRECISION) * p AS DOUBLE PRECISION) / (
            p + q
          )
        )
        ELSE CAST('0.0' AS DOUBLE PRECISION)
      END + CASE
        WHEN q > 0
        THEN q * LN(
          CAST(CAST('2.0' AS DOUBLE PRECISION) * q AS DOUBLE PRECISION) / (
            p + q
          )
        )
        ELSE CAST('0.0' AS DOUBLE PRECISION)
      END
    ) AS DOUBLE PRECISION) / (
      CAST('2.0' AS DOUBLE PRECISION) * LN(CAST('2.0' AS DOUBLE PRECISION))
    ) AS divergence
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
  'jensen_shannon' AS statistic,
  CASE
    WHEN b.divergence <= 0
    THEN CAST('0.0' AS DOUBLE PRECISION)
    WHEN b.divergence > 0
    THEN SQRT(b.divergence)
  END AS value,
  CASE
    WHEN b.divergence <= 0
    THEN CAST('0.0' AS DOUBLE PRECISION)
    WHEN b.divergence > 0
    THEN SQRT(b.divergence)
  END AS value_lower,
  CASE
    WHEN b.divergence <= 0
    THEN CAST('0.0' AS DOUBLE PRECISION)
    WHEN b.divergence > 0
    THEN SQRT(b.divergence)
  END AS value_upper,
  c.m_r AS n_reference,
  c.m_c AS n_current,
  x.test_value AS test_value,
  x.test_df AS test_df,
  CAST(NULL AS DOUBLE PRECISION) AS expected,
  b.bins AS bins,
  CASE WHEN c.m_r = 0 OR c.m_c = 0 THEN 'no_data' END AS reason_code
FROM "columns" AS c
LEFT JOIN total AS b
  ON c.pair_no = b.pair_no
  AND c.segment_key = b.segment_key
  AND c.segment_kind = b.segment_kind
  AND c.segment_value = b.segment_value
  AND c.column_no = b.column_no
LEFT JOIN "pearson" AS x
  ON c.pair_no = x.pair_no
  AND c.segment_key = x.segment_key
  AND c.segment_kind = x.segment_kind
  AND c.segment_value = x.segment_value
  AND c.column_no = x.column_no
