-- Stages of mind, as of 2023-06-30. Windows: 30d is 2023-06-01 .. 2023-06-30, 90d from 2023-04-02.
-- Durable: phone, tablet, earphones, smartwatch. The brand: Xiaomi and Redmi. Base: everybody.

-- base
SELECT user_id FROM users;

-- pack: mind.loyal
-- A line without an order number is an order of its own.
SELECT u.user_id FROM users u JOIN events e USING (user_id)
WHERE e.action = 'buy' AND e.category IN ('phone', 'tablet', 'earphones', 'smartwatch')
  AND e.brand IN ('Xiaomi', 'Redmi') AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
GROUP BY u.user_id
HAVING count(DISTINCT e.order_id) + count(*) FILTER (WHERE e.order_id IS NULL) >= 2;

-- pack: mind.acting
SELECT u.user_id FROM users u JOIN events e USING (user_id)
WHERE e.action = 'buy' AND e.category IN ('phone', 'tablet', 'earphones', 'smartwatch')
  AND e.brand IN ('Xiaomi', 'Redmi') AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
GROUP BY u.user_id
HAVING count(DISTINCT e.order_id) + count(*) FILTER (WHERE e.order_id IS NULL) = 1;

-- pack: mind.asking
WITH ours AS (
  SELECT user_id,
         count(*) FILTER (WHERE action = 'buy') AS bought,
         count(*) FILTER (WHERE action IN ('search', 'cart', 'follow')
                            AND day >= DATE '2023-06-01') AS asked
  FROM events
  WHERE category IN ('phone', 'tablet', 'earphones', 'smartwatch') AND brand IN ('Xiaomi', 'Redmi')
    AND day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  GROUP BY user_id
)
SELECT u.user_id FROM users u JOIN ours USING (user_id) WHERE bought = 0 AND asked > 0;

-- pack: mind.attracted
WITH ours AS (
  SELECT user_id,
         count(*) FILTER (WHERE action = 'buy') AS bought,
         count(*) FILTER (WHERE action IN ('search', 'cart', 'follow')
                            AND day >= DATE '2023-06-01') AS asked,
         count(*) FILTER (WHERE action = 'browse' AND day >= DATE '2023-06-01') AS looked
  FROM events
  WHERE category IN ('phone', 'tablet', 'earphones', 'smartwatch') AND brand IN ('Xiaomi', 'Redmi')
    AND day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  GROUP BY user_id
)
SELECT u.user_id FROM users u JOIN ours USING (user_id)
WHERE bought = 0 AND asked = 0 AND looked >= 2;

-- pack: mind.aware
WITH ours AS (
  SELECT user_id,
         count(*) FILTER (WHERE action = 'buy') AS bought,
         count(*) FILTER (WHERE action IN ('search', 'cart', 'follow')
                            AND day >= DATE '2023-06-01') AS asked,
         count(*) FILTER (WHERE action = 'browse' AND day >= DATE '2023-06-01') AS looked,
         count(*) FILTER (WHERE action IN ('exposure', 'ad_click')
                            AND day >= DATE '2023-06-01') AS shown
  FROM events
  WHERE category IN ('phone', 'tablet', 'earphones', 'smartwatch') AND brand IN ('Xiaomi', 'Redmi')
    AND day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  GROUP BY user_id
)
SELECT u.user_id FROM users u JOIN ours USING (user_id)
WHERE bought = 0 AND asked = 0 AND (looked = 1 OR (looked = 0 AND shown > 0));

-- pack: mind.beyond_reach
SELECT u.user_id FROM users u
WHERE NOT EXISTS (
  SELECT 1 FROM events e
  WHERE e.user_id = u.user_id
    AND e.category IN ('phone', 'tablet', 'earphones', 'smartwatch')
    AND e.brand IN ('Xiaomi', 'Redmi')
    AND (
      (e.action = 'buy' AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30')
      OR (e.action IN ('search', 'cart', 'follow', 'browse', 'exposure', 'ad_click')
          AND e.day BETWEEN DATE '2023-06-01' AND DATE '2023-06-30')
    )
);
