WITH total AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    CASE
      WHEN m_r > 1 AND m_c > 1 AND infinite = 0 AND square_r + square_c > 0
      THEN CAST((
        mean_r - mean_c
      ) AS DOUBLE PRECISION) / SQRT(
        (
          square_r / CAST(m_r - 1 AS DOUBLE PRECISION) / CAST(m_r AS DOUBLE PRECISION)
        ) + (
          square_c / CAST(m_c - 1 AS DOUBLE PRECISION) / CAST(m_c AS DOUBLE PRECISION)
        )
      )
    END AS value,
    CASE
      WHEN m_r > 1 AND m_c > 1 AND infinite = 0 AND square_r + square_c > 0
      THEN CAST((
        mean_r - mean_c
      ) AS DOUBLE PRECISION) / SQRT(
        (
          square_r / CAST(m_r - 1 AS DOUBLE PRECISION) / CAST(m_r AS DOUBLE PRECISION)
        ) + (
          square_c / CAST(m_c - 1 AS DOUBLE PRECISION) / CAST(m_c AS DOUBLE PRECISION)
        )
      )
    END AS test_value,
    CASE
      WHEN m_r > 1 AND m_c > 1 AND infinite = 0 AND square_r + square_c > 0
      THEN CAST((
        (
          square_r / CAST(m_r - 1 AS DOUBLE PRECISION) / CAST(m_r AS DOUBLE PRECISION)
        ) + (
          square_c / CAST(m_c - 1 AS DOUBLE PRECISION) / CAST(m_c AS DOUBLE PRECISION)
        )
      ) * (
        (
          square_r / CAST(m_r - 1 AS DOUBLE PRECISION) / CAST(m_r AS DOUBLE PRECISION)
        ) + (
          square_c / CAST(m_c - 1 AS DOUBLE PRECISION) / CAST(m_c AS DOUBLE PRECISION)
        )
      ) AS DOUBLE PRECISION) / (
        (
          square_r / CAST(m_r - 1 AS DOUBLE PRECISION) / CAST(m_r AS DOUBLE PRECISION)
        ) * (
          square_r / CAST(m_r - 1 AS DOUBLE PRECISION) / CAST(m_r AS DOUBLE PRECISION)
        ) / CAST(m_r - 1 AS DOUBLE PRECISION) + (
          square_c / CAST(m_c - 1 AS DOUBLE PRECISION) / CAST(m_c AS DOUBLE PRECISION)
        ) * (
          square_c / CAST(m_c - 1 AS DOUBLE PRECISION) / CAST(m_c AS DOUBLE PRECISION)
        ) / CAST(m_c - 1 AS DOUBLE PRECISION)
      )
    END AS test_df,
    CAST(NULL AS BIGINT) AS bins,
    CASE
      WHEN infinite > 0
      THEN 'infinite_values'
      WHEN m_r < 2 OR m_c < 2
      THEN 'insufficient'
      WHEN square_r + square_c = 0
      THEN 'constant_reference'
    END AS reason_code
  FROM "columns" AS t
)
SELECT
  c.pair_no,
  c.segment_key,
  c.segment_kind,
  c.segment_value,
  c.column_no,
  'welch_t' AS statistic,
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
