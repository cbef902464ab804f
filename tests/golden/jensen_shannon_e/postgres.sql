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
    m_r > 0 AND m_c > 0 AND part = 0 AND c_r + c_c > 0
), summed AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    COUNT(*) AS bins,
    SUM(
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
    ) / CAST('2.0' AS DOUBLE PRECISION) AS value
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
      WHEN t.value <= 0
      THEN CAST('0.0' AS DOUBLE PRECISION)
      WHEN t.value > 0
      THEN SQRT(t.value)
    END AS value,
    x.test_value,
    x.test_df,
    t.bins,
    CAST(NULL AS TEXT) AS reason_code
  FROM summed AS t
  LEFT JOIN "pearson" AS x
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
  'jensen_shannon_e' AS statistic,
  b.value AS value,
  b.value AS value_lower,
  b.value AS value_upper,
  c.m_r AS n_reference,
  c.m_c AS n_current,
  b.test_value AS test_value,
  b.test_df AS test_df,
  CAST(NULL AS DOUBLE PRECISION) AS expected,
  b.bins AS bins,
  CASE WHEN c.m_r = 0 OR c.m_c = 0 THEN 'no_data' ELSE b.reason_code END AS reason_code
FROM "columns" AS c
LEFT JOIN total AS b
  ON c.pair_no = b.pair_no
  AND c.segment_key = b.segment_key
  AND c.segment_kind = b.segment_kind
  AND c.segment_value = b.segment_value
  AND c.column_no = b.column_no
