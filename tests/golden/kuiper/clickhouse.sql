WITH total AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    (
      CASE
        WHEN over_low > 0
        THEN over_low
        ELSE CAST('0.0' AS Nullable(Float64))
      END - CASE
        WHEN under_low < 0
        THEN under_low
        ELSE CAST('0.0' AS Nullable(Float64))
      END
    ) / (
      m_r * m_c
    ) AS value,
    (
      CASE
        WHEN over_low > 0
        THEN over_low
        ELSE CAST('0.0' AS Nullable(Float64))
      END - CASE
        WHEN under_low < 0
        THEN under_low
        ELSE CAST('0.0' AS Nullable(Float64))
      END
    ) / (
      m_r * m_c
    ) AS value_lower,
    (
      CASE
        WHEN over_high > 0
        THEN over_high
        ELSE CAST('0.0' AS Nullable(Float64))
      END - CASE
        WHEN under_high < 0
        THEN under_high
        ELSE CAST('0.0' AS Nullable(Float64))
      END
    ) / (
      m_r * m_c
    ) AS value_upper,
    CAST(NULL AS Nullable(Float64)) AS test_value,
    CAST(NULL AS Nullable(Float64)) AS test_df,
    CAST(NULL AS Nullable(Float64)) AS expected,
    CAST(NULL AS Nullable(String)) AS reason_code
  FROM "ranks" AS t
)
SELECT
  c.pair_no AS pair_no,
  c.segment_key AS segment_key,
  c.segment_kind AS segment_kind,
  c.segment_value AS segment_value,
  c.column_no AS column_no,
  'kuiper' AS statistic,
  CASE
    WHEN b.value < b.value_lower
    THEN b.value_lower
    WHEN b.value > b.value_upper
    THEN b.value_upper
    ELSE b.value
  END AS value,
  b.value_lower AS value_lower,
  b.value_upper AS value_upper,
  c.m_r AS n_reference,
  c.m_c AS n_current,
  b.test_value AS test_value,
  b.test_df AS test_df,
  b.expected AS expected,
  CAST(NULL AS Nullable(Int64)) AS bins,
  CASE WHEN c.m_r = 0 OR c.m_c = 0 THEN 'no_data' ELSE b.reason_code END AS reason_code
FROM "columns" AS c
LEFT JOIN total AS b
  ON c.pair_no = b.pair_no
  AND c.segment_key = b.segment_key
  AND c.segment_kind = b.segment_kind
  AND c.segment_value = b.segment_value
  AND c.column_no = b.column_no
WHERE
  c.column_no IN (1, 2)
