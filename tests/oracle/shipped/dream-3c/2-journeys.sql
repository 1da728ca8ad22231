-- Journeys, as of 2023-06-30. Windows: 30d is 2023-06-01 .. 2023-06-30, 60d from 2023-05-02, 90d from
-- 2023-04-02; a `then` is bounded by as_of alone. Last {ago: 60d..}: on 2023-05-01 or before.
-- Durable: phone, tablet, earphones, smartwatch. Base: everybody.

-- base
SELECT user_id FROM users;

-- pack: ad_to_order
SELECT u.user_id FROM users u
WHERE EXISTS (
  SELECT 1 FROM events ad JOIN events paid ON paid.user_id = ad.user_id
  WHERE ad.user_id = u.user_id AND ad.action = 'ad_click'
    AND ad.category IN ('phone', 'tablet', 'earphones', 'smartwatch')
    AND ad.day BETWEEN DATE '2023-05-02' AND DATE '2023-06-30'
    AND paid.action = 'buy' AND paid.category = ad.category AND paid.ts >= ad.ts
    AND paid.day - ad.day <= 7 AND paid.day <= DATE '2023-06-30'
);

-- pack: ad_to_order_of_brand
SELECT u.user_id FROM users u
WHERE EXISTS (
  SELECT 1 FROM events ad JOIN events paid ON paid.user_id = ad.user_id
  WHERE ad.user_id = u.user_id AND ad.action = 'ad_click'
    AND ad.category IN ('phone', 'tablet', 'earphones', 'smartwatch')
    AND ad.day BETWEEN DATE '2023-05-02' AND DATE '2023-06-30'
    AND paid.action = 'buy' AND paid.category = ad.category AND paid.brand = ad.brand
    AND paid.ts >= ad.ts AND paid.day - ad.day <= 7 AND paid.day <= DATE '2023-06-30'
);

-- pack: ad_for_others
WITH pairs AS (
  SELECT ad.user_id, bool_or(coalesce(paid.brand = ad.brand, false)) AS believed
  FROM events ad JOIN events paid ON paid.user_id = ad.user_id
  WHERE ad.action = 'ad_click'
    AND ad.category IN ('phone', 'tablet', 'earphones', 'smartwatch')
    AND ad.day BETWEEN DATE '2023-05-02' AND DATE '2023-06-30'
    AND paid.action = 'buy' AND paid.category = ad.category AND paid.ts >= ad.ts
    AND paid.day - ad.day <= 7 AND paid.day <= DATE '2023-06-30'
  GROUP BY ad.user_id
)
SELECT u.user_id FROM users u JOIN pairs USING (user_id) WHERE NOT believed;

-- pack: quick_deciders
SELECT u.user_id FROM users u
WHERE EXISTS (
  SELECT 1 FROM events look
  JOIN events cart ON cart.user_id = look.user_id AND cart.sku = look.sku
  JOIN events paid ON paid.user_id = cart.user_id AND paid.sku = cart.sku
  WHERE look.user_id = u.user_id AND look.action = 'browse'
    AND look.category IN ('phone', 'tablet', 'earphones', 'smartwatch')
    AND look.day BETWEEN DATE '2023-05-02' AND DATE '2023-06-30'
    AND cart.action = 'cart' AND cart.ts BETWEEN look.ts AND look.ts + INTERVAL 2 HOUR
    AND paid.action = 'buy' AND paid.ts BETWEEN cart.ts AND cart.ts + INTERVAL 24 HOUR
    AND paid.day <= DATE '2023-06-30'
);

-- pack: long_thinkers
SELECT u.user_id FROM users u
WHERE EXISTS (
  SELECT 1 FROM events look JOIN events again ON again.user_id = look.user_id AND again.sku = look.sku
  WHERE look.user_id = u.user_id AND look.action = 'browse' AND again.action = 'browse'
    AND look.category IN ('phone', 'tablet', 'earphones', 'smartwatch')
    AND look.day BETWEEN DATE '2023-05-02' AND DATE '2023-06-30'
    AND again.day - look.day >= 7 AND again.day <= DATE '2023-06-30'
)
AND NOT EXISTS (
  SELECT 1 FROM events e
  WHERE e.user_id = u.user_id AND e.action = 'buy'
    AND e.category IN ('phone', 'tablet', 'earphones', 'smartwatch')
    AND e.day BETWEEN DATE '2023-05-02' AND DATE '2023-06-30'
);

-- pack: cart_cold
WITH carts AS (
  SELECT * FROM events
  WHERE action = 'cart' AND category IN ('phone', 'tablet', 'earphones', 'smartwatch')
    AND day BETWEEN DATE '2023-05-02' AND DATE '2023-06-30'
)
SELECT user_id FROM users
WHERE user_id IN (SELECT user_id FROM carts WHERE user_id IS NOT NULL)
  AND user_id NOT IN (
    SELECT c.user_id FROM carts c JOIN events paid ON paid.user_id = c.user_id AND paid.sku = c.sku
    WHERE paid.action = 'buy' AND paid.ts >= c.ts AND paid.day <= DATE '2023-06-30'
  );

-- pack: frequent_orders
SELECT u.user_id FROM users u JOIN events e USING (user_id)
WHERE e.action = 'buy' AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
GROUP BY u.user_id
HAVING count(DISTINCT e.order_id) + count(*) FILTER (WHERE e.order_id IS NULL) >= 3;

-- pack: big_order
-- All lines have an order number and an amount.
SELECT DISTINCT u.user_id FROM users u
JOIN (
  SELECT user_id, order_id, sum(amount::DECIMAL(18, 2)) AS total FROM events
  WHERE action = 'buy' AND day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  GROUP BY user_id, order_id
) orders USING (user_id)
WHERE orders.total >= 6000;

-- pack: new_buyers
SELECT u.user_id FROM users u JOIN events e USING (user_id)
WHERE e.action = 'buy' AND e.category IN ('phone', 'tablet', 'earphones', 'smartwatch')
  AND e.day <= DATE '2023-06-30'
GROUP BY u.user_id
HAVING min(e.day) >= DATE '2023-06-01';

-- pack: lapsed_buyers
SELECT u.user_id FROM users u JOIN events e USING (user_id)
WHERE e.action = 'buy' AND e.category IN ('phone', 'tablet', 'earphones', 'smartwatch')
  AND e.day <= DATE '2023-06-30'
GROUP BY u.user_id
HAVING max(e.day) <= DATE '2023-05-01';

-- pack: asking_now
-- All of them: the limit keeps the three hundred who were active last, and those of one day are alike.
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
SELECT u.user_id FROM users u JOIN ours USING (user_id)
WHERE bought = 0 AND asked > 0 AND u.last_active IS NOT NULL;

-- pack: attracted_at_weekends
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
WHERE bought = 0 AND asked = 0 AND looked >= 2
  AND EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'browse'
      AND e.day BETWEEN DATE '2023-06-01' AND DATE '2023-06-30'
      AND dayname(e.day) IN ('Saturday', 'Sunday') AND hour(e.ts) BETWEEN 8 AND 23
  );
