-- Phase 3, as of 2023-06-18. Windows: 2w is 2023-06-05 .. 2023-06-18, 30d is 2023-05-20 .. 2023-06-18,
-- 60d is 2023-04-20 .. 2023-06-18; without a window, all days up to 2023-06-18.
-- Base: registered at least 7 days ago, on 2023-06-11 or before.

-- base
SELECT user_id FROM users WHERE registered <= DATE '2023-06-11';

-- pack: mi_phone_regulars
WITH mi AS (
  SELECT user_id, action, day FROM events
  WHERE category = 'phone' AND brand IN ('Xiaomi', 'Redmi') AND day <= DATE '2023-06-18'
)
SELECT u.user_id FROM users u
WHERE u.registered <= DATE '2023-06-11'
  AND (
    u.device_brand IN ('Xiaomi', 'Redmi')
    OR EXISTS (SELECT 1 FROM mi WHERE mi.user_id = u.user_id AND mi.action = 'buy')
  )
  AND EXISTS (
    SELECT 1 FROM mi
    WHERE mi.user_id = u.user_id AND mi.action IN ('browse', 'search', 'cart')
      AND mi.day >= DATE '2023-05-20'
  )
  AND NOT EXISTS (
    SELECT 1 FROM mi
    WHERE mi.user_id = u.user_id AND mi.action = 'buy' AND mi.day >= DATE '2023-06-05'
  );

-- pack: ecosystem_regulars
WITH mi AS (
  SELECT user_id, action, day FROM events
  WHERE category = 'phone' AND brand IN ('Xiaomi', 'Redmi') AND day <= DATE '2023-06-18'
)
SELECT u.user_id FROM users u
WHERE u.registered <= DATE '2023-06-11'
  AND (
    u.ecosystem_devices >= 1
    OR EXISTS (
      SELECT 1 FROM events e
      WHERE e.user_id = u.user_id AND e.action = 'buy'
        AND e.brand IN ('Xiaomi', 'Redmi', 'Mijia') AND e.category IS DISTINCT FROM 'phone'
        AND e.day BETWEEN DATE '2023-04-20' AND DATE '2023-06-18'
    )
  )
  AND EXISTS (
    SELECT 1 FROM mi
    WHERE mi.user_id = u.user_id AND mi.action IN ('browse', 'search', 'cart')
      AND mi.day >= DATE '2023-05-20'
  )
  AND (u.device_brand IS NULL OR u.device_brand NOT IN ('Xiaomi', 'Redmi'))
  AND NOT EXISTS (SELECT 1 FROM mi WHERE mi.user_id = u.user_id AND mi.action = 'buy');

-- pack: rival_newcomers
SELECT u.user_id FROM users u
JOIN (
  SELECT user_id FROM events
  WHERE action IN ('browse', 'cart')
    AND category = 'phone'
    AND (brand IS NULL OR brand NOT IN ('Xiaomi', 'Redmi'))
    AND day BETWEEN DATE '2023-05-20' AND DATE '2023-06-18'
  GROUP BY user_id
  HAVING count(*) >= 3
) seen ON seen.user_id = u.user_id
WHERE u.registered <= DATE '2023-06-11'
  AND u.device_brand IN ('Huawei', 'Honor', 'OPPO', 'vivo', 'Apple', 'Samsung')
  -- no purchase at all of the house: the purchases of its devices are among these
  AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'buy' AND e.brand IN ('Xiaomi', 'Redmi', 'Mijia')
      AND e.day <= DATE '2023-06-18'
  )
  AND coalesce(u.ecosystem_devices, 0) < 1;

-- pack: category_newcomers
SELECT u.user_id FROM users u
WHERE u.registered <= DATE '2023-06-11'
  AND EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action IN ('browse', 'search') AND e.category = 'phone'
      AND e.day >= DATE '2023-06-05' AND e.day <= DATE '2023-06-18'
  )
  AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'buy' AND e.category = 'phone'
      AND e.day <= DATE '2023-06-18'
  )
  AND coalesce(u.device_brand, '?') NOT IN ('Xiaomi', 'Redmi');

-- pack: cart_waiting
SELECT u.user_id FROM users u
WHERE u.registered <= DATE '2023-06-11'
  AND EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'cart' AND e.category = 'phone'
      AND e.brand = 'Xiaomi' AND e.price >= 3500 AND e.price <= 6500
      AND e.day BETWEEN DATE '2023-05-23' AND DATE '2023-06-18'
  )
  AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'buy' AND e.category = 'phone'
      AND e.day BETWEEN DATE '2023-05-23' AND DATE '2023-06-18'
  );

-- pack: undecided
WITH phone AS (
  SELECT user_id, action, day, sku FROM events
  WHERE category = 'phone' AND day BETWEEN DATE '2023-05-20' AND DATE '2023-06-18'
)
SELECT u.user_id FROM users u
WHERE u.registered <= DATE '2023-06-11'
  AND (SELECT count(DISTINCT p.day) FROM phone p
       WHERE p.user_id = u.user_id AND p.action = 'browse') >= 4
  AND (SELECT count(DISTINCT p.sku) FROM phone p
       WHERE p.user_id = u.user_id AND p.action = 'browse') >= 5
  AND (SELECT count(*) FROM phone p WHERE p.user_id = u.user_id AND p.action = 'buy') = 0;

-- pack: high_end_eye
SELECT u.user_id FROM users u
JOIN (
  SELECT user_id, count(*) AS looks, count(price) AS priced,
         sum(price::DECIMAL(18, 2)) AS total, min(price) AS lowest
  FROM events
  WHERE action = 'browse' AND category = 'phone'
    AND day BETWEEN DATE '2023-05-20' AND DATE '2023-06-18'
  GROUP BY user_id
) seen USING (user_id)
WHERE u.registered <= DATE '2023-06-11'
  AND seen.looks >= 2
  AND seen.total >= 3500 * seen.priced
  AND seen.lowest >= 1000;

-- pack: sale_big_baskets
SELECT u.user_id FROM users u
JOIN (
  SELECT user_id FROM events
  WHERE action = 'buy' AND day BETWEEN DATE '2023-05-23' AND DATE '2023-06-18'
  GROUP BY user_id
  HAVING count(DISTINCT order_id) >= 2
    AND sum(amount::DECIMAL(18, 2)) >= 5000
    AND min(amount) >= 20
) spent USING (user_id)
WHERE u.registered <= DATE '2023-06-11';
