-- Phase 4, as of 2023-06-30. Windows: 2w is 2023-06-17 .. 2023-06-30, 30d is 2023-06-01 .. 2023-06-30,
-- 60d is 2023-05-02 .. 2023-06-30, 90d is 2023-04-02 .. 2023-06-30.
-- Base: registered at least 7 days ago, on 2023-06-23 or before.

-- base
SELECT user_id FROM users WHERE registered <= DATE '2023-06-23';

-- pack: swing_huawei
WITH did AS (
  SELECT user_id,
         bool_or(action = 'browse' AND brand = 'Xiaomi' AND price BETWEEN 4000 AND 6000
                 AND day >= DATE '2023-05-02') AS saw_mi,
         bool_or(action = 'browse' AND brand = 'Huawei' AND price BETWEEN 4000 AND 6000
                 AND day >= DATE '2023-05-02') AS saw_rival,
         bool_or(action = 'buy' AND brand IN ('Xiaomi', 'Redmi', 'Huawei')) AS bought
  FROM events
  WHERE category = 'phone' AND day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  GROUP BY user_id
)
SELECT u.user_id FROM users u JOIN did USING (user_id)
WHERE u.registered <= DATE '2023-06-23' AND saw_mi AND saw_rival AND NOT coalesce(bought, false);

-- pack: swing_apple
WITH did AS (
  SELECT user_id,
         bool_or(action = 'browse' AND brand = 'Xiaomi' AND price BETWEEN 4000 AND 6000
                 AND day >= DATE '2023-05-02') AS saw_mi,
         bool_or(action = 'browse' AND brand = 'Apple' AND price BETWEEN 4000 AND 6000
                 AND day >= DATE '2023-05-02') AS saw_rival,
         bool_or(action = 'buy' AND brand IN ('Xiaomi', 'Redmi', 'Apple')) AS bought
  FROM events
  WHERE category = 'phone' AND day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  GROUP BY user_id
)
SELECT u.user_id FROM users u JOIN did USING (user_id)
WHERE u.registered <= DATE '2023-06-23' AND saw_mi AND saw_rival AND NOT coalesce(bought, false);

-- pack: swing_both
WITH seen AS (
  SELECT user_id, count(DISTINCT brand) AS brands FROM events
  WHERE action = 'browse' AND category = 'phone' AND brand IN ('Xiaomi', 'Huawei', 'Apple')
    AND price BETWEEN 4000 AND 6000
    AND day BETWEEN DATE '2023-05-02' AND DATE '2023-06-30'
  GROUP BY user_id
)
SELECT u.user_id FROM users u JOIN seen USING (user_id)
WHERE u.registered <= DATE '2023-06-23'
  AND seen.brands = 3
  AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'buy' AND e.category = 'phone'
      AND e.brand IN ('Xiaomi', 'Redmi', 'Huawei', 'Apple')
      AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  );

-- pack: remarket_high
SELECT u.user_id FROM users u
WHERE u.registered <= DATE '2023-06-23'
  AND (
    SELECT count(*) FROM events e
    WHERE e.user_id = u.user_id AND e.action IN ('browse', 'cart') AND e.category = 'phone'
      AND e.brand = 'Xiaomi' AND e.day BETWEEN DATE '2023-06-01' AND DATE '2023-06-30'
  ) >= 6
  AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'buy' AND e.category = 'phone'
      AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  );

-- pack: remarket_low
SELECT u.user_id FROM users u
WHERE u.registered <= DATE '2023-06-23'
  AND (
    SELECT count(*) FROM events e
    WHERE e.user_id = u.user_id AND e.action IN ('browse', 'cart') AND e.category = 'phone'
      AND e.brand = 'Xiaomi' AND e.day BETWEEN DATE '2023-06-01' AND DATE '2023-06-30'
  ) IN (1, 2)
  AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'buy' AND e.category = 'phone'
      AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  );

-- pack: clicked_only
WITH phone AS (
  SELECT user_id, action, brand, day FROM events
  WHERE category = 'phone' AND day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
)
SELECT u.user_id FROM users u
WHERE u.registered <= DATE '2023-06-23'
  AND EXISTS (
    SELECT 1 FROM phone p
    WHERE p.user_id = u.user_id AND p.action = 'ad_click' AND p.brand IN ('Xiaomi', 'Redmi')
      AND p.day >= DATE '2023-05-02'
  )
  AND NOT EXISTS (
    SELECT 1 FROM phone p
    WHERE p.user_id = u.user_id
      AND ((p.action = 'cart' AND p.day >= DATE '2023-05-02') OR p.action = 'buy')
  );

-- pack: ad_fatigue
SELECT u.user_id FROM users u
JOIN (
  SELECT user_id,
         count(*) FILTER (WHERE action = 'exposure') AS shown,
         count(*) FILTER (WHERE action IN ('browse', 'search', 'cart', 'ad_click')) AS answered
  FROM events
  WHERE category = 'phone' AND day BETWEEN DATE '2023-06-01' AND DATE '2023-06-30'
  GROUP BY user_id
) ads USING (user_id)
WHERE u.registered <= DATE '2023-06-23' AND ads.shown >= 5 AND ads.answered = 0;

-- pack: rivals_second_call
SELECT u.user_id FROM users u
WHERE u.registered <= DATE '2023-06-23'
  -- the newcomers of phase 3, as they stand on this day
  AND u.device_brand IN ('Huawei', 'Honor', 'OPPO', 'vivo', 'Apple', 'Samsung')
  AND (
    SELECT count(*) FROM events e
    WHERE e.user_id = u.user_id AND e.action IN ('browse', 'cart') AND e.category = 'phone'
      AND coalesce(e.brand, '?') NOT IN ('Xiaomi', 'Redmi')
      AND e.day BETWEEN DATE '2023-06-01' AND DATE '2023-06-30'
  ) >= 3
  AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'buy' AND e.brand IN ('Xiaomi', 'Redmi', 'Mijia')
      AND e.day <= DATE '2023-06-30'
  )
  AND coalesce(u.ecosystem_devices, 0) < 1
  -- refined
  AND CAST(u.last_active AT TIME ZONE 'Asia/Shanghai' AS DATE)
      BETWEEN DATE '2023-06-17' AND DATE '2023-06-30'
  AND u.ltv >= 3000
  AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'buy' AND e.category = 'phone'
      AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  );

-- pack: instalment_offer
SELECT u.user_id FROM users u
JOIN (
  SELECT user_id, max(price) AS dearest FROM events
  WHERE action = 'browse' AND category = 'phone'
    AND day BETWEEN DATE '2023-06-01' AND DATE '2023-06-30'
  GROUP BY user_id
) seen USING (user_id)
LEFT JOIN (
  SELECT user_id, count(*) AS lines, sum(amount::DECIMAL(18, 2)) AS spent FROM events
  WHERE action = 'buy' AND day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  GROUP BY user_id
) paid USING (user_id)
WHERE u.registered <= DATE '2023-06-23'
  AND seen.dearest BETWEEN 4000 AND 6999
  AND coalesce(paid.spent, 0) <= 999.99
  AND coalesce(paid.lines, 0) <= 2
  AND u.purchasing_power IN ('小白领', '蓝领');

-- pack: gone_quiet
SELECT u.user_id FROM users u
WHERE u.registered <= DATE '2023-06-23'
  AND CAST(u.last_active AT TIME ZONE 'Asia/Shanghai' AS DATE)
      BETWEEN DATE '2023-04-01' AND DATE '2023-05-30'
  AND EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'browse' AND e.day <= DATE '2023-05-30'
  );
