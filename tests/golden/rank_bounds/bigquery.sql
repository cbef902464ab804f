WITH doubled AS (
  SELECT
    pair_no,
    segment_key,
    segment_kind,
    segment_value,
    column_no,
    lo,
    hi,
    next_lo,
    cell_kind,
    n_r,
    n_c,
    gap,
    highest,
    lowest,
    f,
    g,
    min_r,
    max_r,
    min_c,
    max_c,
    CAST(n_r AS FLOAT64) AS a,
    CAST(n_c AS FLOAT64) AS b,
    CAST(n_r + n_c AS FLOAT64) AS k,
    CAST(m_r AS FLOAT64) AS m_r,
    CAST(m_c AS FLOAT64) AS m_c,
    CAST(m_r + m_c AS FLOAT64) AS n,
    CAST(f + g AS FLOAT64) - CAST(n_r + n_c AS FLOAT64) AS b0,
    CAST(m_r + m_c AS FLOAT64) - CAST(f + g AS FLOAT64) AS e1,
    CAST(highest + lowest - gap AS FLOAT64) / NULLIF((
      CAST(m_r AS FLOAT64) * CAST(m_c AS FLOAT64)
    ), 0) AS d0,
    CAST(gap AS FLOAT64) / NULLIF((
      CAST(m_r AS FLOAT64) * CAST(m_c AS FLOAT64)
    ), 0) AS d1,
    CAST(highest AS FLOAT64) / NULLIF((
      CAST(m_r AS FLOAT64) * CAST(m_c AS FLOAT64)
    ), 0) AS h,
    CAST(lowest AS FLOAT64) / NULLIF((
      CAST(m_r AS FLOAT64) * CAST(m_c AS FLOAT64)
    ), 0) AS l,
    CASE
      WHEN lo = hi OR cell_kind IN ('neg_inf', 'pos_inf')
      THEN 'one'
      WHEN n_r = 0 OR n_c = 0
      THEN 'side'
      WHEN max_r < min_c
      THEN 'below'
      WHEN max_c < min_r
      THEN 'above'
      ELSE 'mixed'
    END AS path,
    CASE
      WHEN lo < hi AND NOT cell_kind IN ('neg_inf', 'pos_inf')
      THEN hi - lo
      ELSE CAST('0.0' AS FLOAT64)
    END AS width,
    CASE
      WHEN lo < hi AND NOT cell_kind IN ('neg_inf', 'pos_inf')
      THEN (
        CAST(n_r AS FLOAT64) * (
          hi - origin
        ) - s_r
      ) / NULLIF(CAST(m_r AS FLOAT64), 0) - (
        CAST(n_c AS FLOAT64) * (
          hi - origin
        ) - s_c
      ) / NULLIF(CAST(m_c AS FLOAT64), 0)
      ELSE CAST('0.0' AS FLOAT64)
    END AS gained,
    CASE
      WHEN lo < hi AND NOT cell_kind IN ('neg_inf', 'pos_inf')
      THEN (
        CAST(n_r AS FLOAT64) / NULLIF(CAST(m_r AS FLOAT64), 0) + CAST(n_c AS FLOAT64) / NULLIF(CAST(m_c AS FLOAT64), 0)
      ) * (
        CAST('1e-12' AS FLOAT64) * ABS(hi - origin) + CAST('1e-15' AS FLOAT64) * (
          ABS(hi) + ABS(origin)
        )
      )
      ELSE CAST('0.0' AS FLOAT64)
    END AS rounding
  FROM `cdf` AS d
), walked AS (
  SELECT
    *,
    CASE path
      WHEN 'one'
      THEN k * (
        d0 * d0 + d0 * d1 + d1 * d1
      )
      WHEN 'below'
      THEN a * (
        d0 * d0 + d0 * h + h * h
      ) + b * (
        h * h + h * d1 + d1 * d1
      )
      WHEN 'above'
      THEN b * (
        d0 * d0 + d0 * l + l * l
      ) + a * (
        l * l + l * d1 + d1 * d1
      )
      ELSE CASE
        WHEN d0 >= 0 AND h >= 0
        THEN a * (
          d0 * d0 + d0 * h + h * h
        )
        WHEN d0 > 0
        THEN a * d0 * d0 * (
          d0 / NULLIF((
            d0 - h
          ), 0)
        )
        WHEN h > 0
        THEN a * h * h * (
          h / NULLIF((
            h - d0
          ), 0)
        )
        ELSE CAST('0.0' AS FLOAT64)
      END + CASE
        WHEN h >= 0 AND d1 >= 0
        THEN b * (
          h * h + h * d1 + d1 * d1
        )
        WHEN h > 0
        THEN b * h * h * (
          h / NULLIF((
            h - d1
          ), 0)
        )
        WHEN d1 > 0
        THEN b * d1 * d1 * (
          d1 / NULLIF((
            d1 - h
          ), 0)
        )
        ELSE CAST('0.0' AS FLOAT64)
      END + CASE
        WHEN d0 <= 0 AND l <= 0
        THEN b * (
          d0 * d0 + d0 * l + l * l
        )
        WHEN d0 < 0
        THEN b * d0 * d0 * (
          d0 / NULLIF((
            d0 - l
          ), 0)
        )
        WHEN l < 0
        THEN b * l * l * (
          l / NULLIF((
            l - d0
          ), 0)
        )
        ELSE CAST('0.0' AS FLOAT64)
      END + CASE
        WHEN l <= 0 AND d1 <= 0
        THEN a * (
          l * l + l * d1 + d1 * d1
        )
        WHEN l < 0
        THEN a * l * l * (
          l / NULLIF((
            l - d1
          ), 0)
        )
        WHEN d1 < 0
        THEN a * d1 * d1 * (
          d1 / NULLIF((
            d1 - l
          ), 0)
        )
        ELSE CAST('0.0' AS FLOAT64)
      END
    END / CAST('3.0' AS FLOAT64) AS far,
    k * (
      d0 * d0 + d0 * d1 + d1 * d1
    ) / CAST('3.0' AS FLOAT64) AS straight,
    CASE path
      WHEN 'one'
      THEN k * (
        d0 * d0 + d0 * d1 + d1 * d1
      )
      WHEN 'below'
      THEN a * (
        d0 * d0 + d0 * h + h * h
      ) + b * (
        h * h + h * d1 + d1 * d1
      )
      WHEN 'above'
      THEN b * (
        d0 * d0 + d0 * l + l * l
      ) + a * (
        l * l + l * d1 + d1 * d1
      )
      ELSE CASE
        WHEN d0 >= 0 AND l >= 0
        THEN b * (
          d0 * d0 + d0 * l + l * l
        )
        WHEN d0 > 0
        THEN b * d0 * d0 * (
          d0 / NULLIF((
            d0 - l
          ), 0)
        )
        WHEN l > 0
        THEN b * l * l * (
          l / NULLIF((
            l - d0
          ), 0)
        )
        ELSE CAST('0.0' AS FLOAT64)
      END + CASE
        WHEN l >= 0 AND d1 >= 0
        THEN a * (
          l * l + l * d1 + d1 * d1
        )
        WHEN l > 0
        THEN a * l * l * (
          l / NULLIF((
            l - d1
          ), 0)
        )
        WHEN d1 > 0
        THEN a * d1 * d1 * (
          d1 / NULLIF((
            d1 - l
          ), 0)
        )
        ELSE CAST('0.0' AS FLOAT64)
      END + CASE
        WHEN d0 <= 0 AND h <= 0
        THEN a * (
          d0 * d0 + d0 * h + h * h
        )
        WHEN d0 < 0
        THEN a * d0 * d0 * (
          d0 / NULLIF((
            d0 - h
          ), 0)
        )
        WHEN h < 0
        THEN a * h * h * (
          h / NULLIF((
            h - d0
          ), 0)
        )
        ELSE CAST('0.0' AS FLOAT64)
      END + CASE
        WHEN h <= 0 AND d1 <= 0
        THEN b * (
          h * h + h * d1 + d1 * d1
        )
        WHEN h < 0
        THEN b * h * h * (
          h / NULLIF((
            h - d1
          ), 0)
        )
        WHEN d1 < 0
        THEN b * d1 * d1 * (
          d1 / NULLIF((
            d1 - h
          ), 0)
        )
        ELSE CAST('0.0' AS FLOAT64)
      END
    END / CAST('3.0' AS FLOAT64) AS near,
    CASE
      WHEN path = 'one'
      THEN (
        a * a * a - a * b * b
      ) * (
        CAST('1.0' AS FLOAT64) + m_r / NULLIF(m_c, 0)
      ) + (
        b * b * b - a * a * b
      ) * (
        CAST('1.0' AS FLOAT64) + m_c / NULLIF(m_r, 0)
      )
      ELSE a * a * a * (
        CAST('1.0' AS FLOAT64) + m_r / NULLIF(m_c, 0)
      ) + b * b * b * (
        CAST('1.0' AS FLOAT64) + m_c / NULLIF(m_r, 0)
      )
    END AS ties_most,
    CASE path
      WHEN 'one'
      THEN (
        a * a * a - a * b * b
      ) * (
        CAST('1.0' AS FLOAT64) + m_r / NULLIF(m_c, 0)
      ) + (
        b * b * b - a * a * b
      ) * (
        CAST('1.0' AS FLOAT64) + m_c / NULLIF(m_r, 0)
      )
      WHEN 'mixed'
      THEN CASE
        WHEN m_r > m_c
        THEN -(
          CAST('1.0' AS FLOAT64) + m_r / NULLIF(m_c, 0)
        ) * k * b * b * (
          CAST('1.0' AS FLOAT64) - m_c / NULLIF(m_r, 0)
        ) * (
          CAST('1.0' AS FLOAT64) - m_c / NULLIF(m_r, 0)
        )
        ELSE -(
          CAST('1.0' AS FLOAT64) + m_c / NULLIF(m_r, 0)
        ) * k * a * a * (
          CAST('1.0' AS FLOAT64) - m_r / NULLIF(m_c, 0)
        ) * (
          CAST('1.0' AS FLOAT64) - m_r / NULLIF(m_c, 0)
        )
      END / CAST('4.0' AS FLOAT64)
      ELSE (
        CASE WHEN min_r = max_r THEN a * a * a ELSE a END
      ) * (
        CAST('1.0' AS FLOAT64) + m_r / NULLIF(m_c, 0)
      ) + (
        CASE WHEN min_c = max_c THEN b * b * b ELSE b END
      ) * (
        CAST('1.0' AS FLOAT64) + m_c / NULLIF(m_r, 0)
      )
    END AS ties_least,
    CASE
      WHEN path = 'one' OR l * h > 0
      THEN k * CASE
        WHEN path = 'one'
        THEN (
          d0 + d1
        ) * (
          d0 + d1
        ) / CAST('4.0' AS FLOAT64)
        WHEN ABS(l) < ABS(h)
        THEN l * l
        ELSE h * h
      END
      ELSE CAST('0.0' AS FLOAT64)
    END AS squared_least,
    CASE
      WHEN a / NULLIF(m_r, 0) > b / NULLIF(m_c, 0)
      THEN a / NULLIF(m_r, 0) * (
        a / NULLIF(m_r, 0)
      )
      ELSE b / NULLIF(m_c, 0) * (
        b / NULLIF(m_c, 0)
      )
    END * k / CAST('12.0' AS FLOAT64) AS blocks_most,
    b0 * e1 + k * (
      b0 + e1
    ) / CAST('4.0' AS FLOAT64) AS weight_all,
    b0 * (
      n - CAST('1.0' AS FLOAT64) - b0
    ) + (
      n - CAST('1.0' AS FLOAT64)
    ) / CAST('4.0' AS FLOAT64) AS weight_first,
    e1 * (
      n - CAST('1.0' AS FLOAT64) - e1
    ) + (
      n - CAST('1.0' AS FLOAT64)
    ) / CAST('4.0' AS FLOAT64) AS weight_last,
    CASE
      WHEN b0 + k - CAST('0.5' AS FLOAT64) < n / CAST('2.0' AS FLOAT64)
      THEN e1 * (
        n - CAST('1.0' AS FLOAT64) - e1
      )
      WHEN b0 + CAST('0.5' AS FLOAT64) > n / CAST('2.0' AS FLOAT64)
      THEN b0 * (
        n - CAST('1.0' AS FLOAT64) - b0
      )
      ELSE (
        n - CAST('1.0' AS FLOAT64)
      ) * (
        n - CAST('1.0' AS FLOAT64)
      ) / CAST('4.0' AS FLOAT64)
    END + (
      n - CAST('1.0' AS FLOAT64)
    ) / CAST('4.0' AS FLOAT64) AS weight_most,
    (
      b0 + k / CAST('2.0' AS FLOAT64)
    ) * (
      e1 + k / CAST('2.0' AS FLOAT64)
    ) AS weight_middle,
    CASE WHEN m_r < m_c THEN m_r ELSE m_c END AS fewer,
    d0 * width + gained AS signed_area
  FROM doubled AS x
), bounded AS (
  SELECT
    *,
    (
      CASE WHEN far > near THEN near ELSE far END
    ) * m_r / NULLIF(n, 0) * (
      m_c / NULLIF(n, 0)
    ) + ties_least / NULLIF((
      CAST('12.0' AS FLOAT64) * n * n
    ), 0) AS t_least,
    far * m_r / NULLIF(n, 0) * (
      m_c / NULLIF(n, 0)
    ) + ties_most / NULLIF((
      CAST('12.0' AS FLOAT64) * n * n
    ), 0) AS t_most,
    straight * m_r / NULLIF(n, 0) * (
      m_c / NULLIF(n, 0)
    ) + CASE
      WHEN path = 'one'
      THEN ties_most
      ELSE a * (
        CAST('1.0' AS FLOAT64) + m_r / NULLIF(m_c, 0)
      ) + b * (
        CAST('1.0' AS FLOAT64) + m_c / NULLIF(m_r, 0)
      )
    END / NULLIF((
      CAST('12.0' AS FLOAT64) * n * n
    ), 0) AS t_value,
    CASE
      WHEN path = 'one' AND weight_all > 0
      THEN squared_least / NULLIF(weight_all, 0)
      WHEN path <> 'one'
      THEN CASE
        WHEN near - blocks_most > squared_least
        THEN near - blocks_most
        ELSE squared_least
      END / NULLIF(weight_most, 0)
      ELSE CAST('0.0' AS FLOAT64)
    END AS w_least,
    CASE
      WHEN path = 'one'
      THEN CASE
        WHEN weight_all > 0
        THEN squared_least / NULLIF(weight_all, 0)
        ELSE CAST('0.0' AS FLOAT64)
      END
      ELSE far / NULLIF(
        CASE
          WHEN weight_all < weight_first AND weight_all < weight_last
          THEN CASE
            WHEN weight_all > (
              n - CAST('1.0' AS FLOAT64)
            ) / CAST('4.0' AS FLOAT64)
            THEN weight_all
            ELSE (
              n - CAST('1.0' AS FLOAT64)
            ) / CAST('4.0' AS FLOAT64)
          END
          WHEN weight_first < weight_last
          THEN weight_first
          ELSE weight_last
        END,
        0
      )
    END AS w_most,
    CASE
      WHEN path <> 'one' AND CAST('2.0' AS FLOAT64) * (
        b0 + k
      ) < n
      THEN k * (
        b0 + b0 + k
      ) / NULLIF((
        n - CAST('2.0' AS FLOAT64) * (
          b0 + k
        )
      ), 0) / NULLIF(fewer, 0) / NULLIF(fewer, 0)
    END AS w_start,
    CASE
      WHEN path <> 'one' AND CAST('2.0' AS FLOAT64) * (
        e1 + k
      ) < n
      THEN k * (
        e1 + e1 + k
      ) / NULLIF((
        n - CAST('2.0' AS FLOAT64) * (
          e1 + k
        )
      ), 0) / NULLIF(fewer, 0) / NULLIF(fewer, 0)
    END AS w_end,
    CASE
      WHEN path = 'one'
      THEN CAST('0.0' AS FLOAT64)
      ELSE straight / NULLIF(weight_middle, 0)
    END AS w_middle,
    CASE
      WHEN width > 0 AND ABS(signed_area) > rounding
      THEN (
        ABS(signed_area) - rounding
      ) / NULLIF(width, 0) * (
        ABS(signed_area) - rounding
      )
      ELSE CAST('0.0' AS FLOAT64)
    END AS area_least,
    CASE
      WHEN width > 0
      THEN (
        l + h
      ) * signed_area - l * h * width + (
        ABS(l) + ABS(h)
      ) * rounding
      ELSE CAST('0.0' AS FLOAT64)
    END AS area_most,
    CASE
      WHEN width > 0
      THEN signed_area / NULLIF(width, 0) * signed_area + (
        d1 - d0
      ) * (
        d1 - d0
      ) / CAST('12.0' AS FLOAT64) * width
      ELSE CAST('0.0' AS FLOAT64)
    END AS area_middle,
    CASE
      WHEN next_lo > hi AND cell_kind <> 'neg_inf' AND next_lo < CAST('infinity' AS FLOAT64)
      THEN d1 * d1 * (
        next_lo - hi
      )
      ELSE CAST('0.0' AS FLOAT64)
    END AS bridge
  FROM walked AS x
)
SELECT
  pair_no,
  segment_key,
  segment_kind,
  segment_value,
  column_no,
  MAX(m_r) AS m_r,
  MAX(m_c) AS m_c,
  MIN(lo) AS lowest,
  MAX(hi) AS highest,
  CAST(SUM(CAST(n_r AS BIGNUMERIC) * (
    g - CAST(n_c AS BIGNUMERIC)
  )) AS FLOAT64) * CAST('2.0' AS FLOAT64) + CAST(SUM(
    CASE path
      WHEN 'one'
      THEN CAST(n_r AS BIGNUMERIC) * CAST(n_c AS BIGNUMERIC)
      ELSE CAST(0 AS BIGNUMERIC)
    END
  ) AS FLOAT64) + CAST(SUM(
    CASE path
      WHEN 'above'
      THEN CAST(n_r AS BIGNUMERIC) * CAST(n_c AS BIGNUMERIC)
      ELSE CAST(0 AS BIGNUMERIC)
    END
  ) AS FLOAT64) * CAST('2.0' AS FLOAT64) AS wins_low,
  CAST(SUM(CAST(n_r AS BIGNUMERIC) * (
    g - CAST(n_c AS BIGNUMERIC)
  )) AS FLOAT64) * CAST('2.0' AS FLOAT64) + CAST(SUM(
    CASE path
      WHEN 'one'
      THEN CAST(n_r AS BIGNUMERIC) * CAST(n_c AS BIGNUMERIC)
      ELSE CAST(0 AS BIGNUMERIC)
    END
  ) AS FLOAT64) + CAST(SUM(
    CASE
      WHEN path IN ('above', 'mixed')
      THEN CAST(n_r AS BIGNUMERIC) * CAST(n_c AS BIGNUMERIC)
      ELSE CAST(0 AS BIGNUMERIC)
    END
  ) AS FLOAT64) * CAST('2.0' AS FLOAT64) AS wins_high,
  SUM(
    CASE
      WHEN path = 'one'
      THEN k * k * k - k
      ELSE CASE
        WHEN min_r = max_r
        THEN a * a * a - a
        ELSE CAST('0.0' AS FLOAT64)
      END + CASE
        WHEN min_c = max_c
        THEN b * b * b - b
        ELSE CAST('0.0' AS FLOAT64)
      END
    END
  ) AS ties_low,
  SUM(
    CASE
      WHEN path IN ('one', 'mixed')
      THEN k * k * k - k
      ELSE a * a * a - a + b * b * b - b
    END
  ) AS ties_high,
  CAST(MAX(CASE path WHEN 'below' THEN highest ELSE gap END) AS FLOAT64) AS over_low,
  CAST(MAX(CASE path WHEN 'one' THEN gap WHEN 'above' THEN gap ELSE highest END) AS FLOAT64) AS over_high,
  CAST(MIN(CASE path WHEN 'above' THEN lowest ELSE gap END) AS FLOAT64) AS under_low,
  CAST(MIN(CASE path WHEN 'one' THEN gap WHEN 'below' THEN gap ELSE lowest END) AS FLOAT64) AS under_high,
  SUM(t_least) - MAX(
    (
      m_r - m_c
    ) * (
      m_r - m_c
    ) / NULLIF((
      CAST('12.0' AS FLOAT64) * m_r * m_c * n
    ), 0)
  ) AS squares_low,
  SUM(t_value) - MAX(
    (
      m_r - m_c
    ) * (
      m_r - m_c
    ) / NULLIF((
      CAST('12.0' AS FLOAT64) * m_r * m_c * n
    ), 0)
  ) AS squares_value,
  SUM(t_most) - MAX(
    (
      m_r - m_c
    ) * (
      m_r - m_c
    ) / NULLIF((
      CAST('12.0' AS FLOAT64) * m_r * m_c * n
    ), 0)
  ) AS squares_high,
  SUM(w_least) * MAX((
    n - CAST('1.0' AS FLOAT64)
  ) / NULLIF(n, 0) * m_r * m_c) AS weighted_low,
  SUM(CASE WHEN path = 'one' THEN w_least ELSE w_middle END) * MAX((
    n - CAST('1.0' AS FLOAT64)
  ) / NULLIF(n, 0) * m_r * m_c) AS weighted_value,
  SUM(
    CASE
      WHEN w_start < w_most AND (
        w_end IS NULL OR w_start <= w_end
      )
      THEN w_start
      WHEN w_end < w_most
      THEN w_end
      ELSE w_most
    END
  ) * MAX((
    n - CAST('1.0' AS FLOAT64)
  ) / NULLIF(n, 0) * m_r * m_c) AS weighted_high,
  SUM(area_least + bridge) AS area_low,
  SUM(area_middle + bridge) AS area_value,
  SUM(CASE WHEN area_most > area_least THEN area_most ELSE area_least END + bridge) AS area_high
FROM bounded AS x
GROUP BY
  pair_no,
  segment_key,
  segment_kind,
  segment_value,
  column_no
