-- Channels and win-back, as of 2023-06-30, users as of that day's snapshot.
-- Windows: 30d is 2023-06-01 .. 2023-06-30, 60d from 2023-05-02, 90d from 2023-04-02. Days ago: 30 is
-- 2023-05-31, 59 is 2023-05-02, 60 is 2023-05-01, 179 is 2023-01-02, 180 is 2023-01-01. Base: adults.

-- base
SELECT user_id FROM users WHERE age >= 18;

-- pack: heybox
SELECT DISTINCT u.user_id FROM users u JOIN events e USING (user_id)
WHERE u.age >= 18 AND e.action IN ('browse', 'buy') AND e.channel = 'heybox'
  AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30';

-- pack: global
SELECT DISTINCT u.user_id FROM users u JOIN events e USING (user_id)
WHERE u.age >= 18 AND e.action IN ('browse', 'buy') AND e.channel = 'global'
  AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30';

-- pack: market
SELECT u.user_id FROM users u JOIN events e USING (user_id)
WHERE u.age >= 18 AND e.action IN ('browse', 'buy') AND e.channel = 'market'
  AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
GROUP BY u.user_id
HAVING count(DISTINCT e.day) >= 2;

-- pack: juhuasuan
SELECT u.user_id FROM users u JOIN events e USING (user_id)
WHERE u.age >= 18 AND e.channel = 'juhuasuan'
  AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
GROUP BY u.user_id
HAVING count(*) FILTER (WHERE e.action = 'browse') >= 5
    OR count(*) FILTER (WHERE e.action = 'buy') >= 1;

-- pack: heybox_at_night
SELECT DISTINCT u.user_id FROM users u JOIN events e USING (user_id)
WHERE u.age >= 18 AND e.action = 'browse' AND e.channel = 'heybox'
  AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  AND hour(e.ts) IN (21, 22, 23, 0, 1);

-- pack: market_at_weekends
SELECT DISTINCT u.user_id FROM users u JOIN events e USING (user_id)
WHERE u.age >= 18 AND e.action IN ('browse', 'buy') AND e.channel = 'market'
  AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  AND dayname(e.day) IN ('Saturday', 'Sunday');

-- pack: across_channels
WITH visited AS (
  SELECT user_id,
         bool_or(channel = 'heybox') AS heybox,
         bool_or(channel = 'global') AS abroad,
         bool_or(channel = 'market') AS market,
         count(*) FILTER (WHERE channel = 'juhuasuan' AND action = 'browse') >= 5
           OR count(*) FILTER (WHERE channel = 'juhuasuan' AND action = 'buy') >= 1 AS juhuasuan
  FROM events
  WHERE action IN ('browse', 'buy') AND channel IS NOT NULL
    AND day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  GROUP BY user_id
)
SELECT u.user_id FROM users u JOIN visited v USING (user_id)
WHERE u.age >= 18 AND v.heybox::INT + v.abroad::INT + v.market::INT + v.juhuasuan::INT >= 2;

-- pack: winback_30
SELECT user_id FROM users
WHERE age >= 18
  AND (registered IS NULL OR registered < DATE '2023-06-01')
  AND uninstalled BETWEEN DATE '2023-05-02' AND DATE '2023-05-31';

-- pack: winback_60
SELECT user_id FROM users
WHERE age >= 18
  AND (registered IS NULL OR registered < DATE '2023-06-01')
  AND uninstalled BETWEEN DATE '2023-01-02' AND DATE '2023-05-01';

-- pack: winback_180
SELECT user_id FROM users
WHERE age >= 18
  AND (registered IS NULL OR registered < DATE '2023-06-01')
  AND uninstalled <= DATE '2023-01-01';

-- pack: winback_rivals
SELECT u.user_id FROM users u
JOIN (SELECT user_id, max(day) AS day FROM events WHERE action = 'open' AND day <= DATE '2023-06-30'
      GROUP BY user_id) opened USING (user_id)
WHERE u.age >= 18
  AND (u.registered IS NULL OR u.registered < DATE '2023-06-01')
  AND (u.uninstalled IS NULL OR u.uninstalled > DATE '2023-05-31')
  AND opened.day BETWEEN DATE '2023-04-02' AND DATE '2023-05-31'
  AND list_has_any(u.rival_apps, ['pdd', 'douyin', 'jd']);

-- pack: winback_calls
-- No two of them have spent the same at the edge of the five hundred.
SELECT u.user_id FROM users u
JOIN (SELECT user_id, max(day) AS day FROM events WHERE action = 'open' AND day <= DATE '2023-06-30'
      GROUP BY user_id) opened USING (user_id)
WHERE u.age >= 18
  AND (u.registered IS NULL OR u.registered < DATE '2023-06-01')
  AND (u.uninstalled IS NULL OR u.uninstalled > DATE '2023-05-31')
  AND opened.day BETWEEN DATE '2023-04-02' AND DATE '2023-05-31'
  AND u.ltv IS NOT NULL
ORDER BY u.ltv DESC
LIMIT 500;

-- pack: at_risk
SELECT u.user_id FROM users u
WHERE u.age >= 18
  AND (u.registered IS NULL OR u.registered < DATE '2023-06-01')
  AND (u.uninstalled IS NULL OR u.uninstalled > DATE '2023-05-31')
  AND EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'open'
      AND e.day BETWEEN DATE '2023-06-01' AND DATE '2023-06-30'
  )
  AND list_has_all(u.rival_apps, ['pdd', 'douyin']);
