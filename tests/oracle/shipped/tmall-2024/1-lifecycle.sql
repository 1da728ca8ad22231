-- Lifecycle, as of 2023-06-30, users as of that day's snapshot.
-- Windows: 30d is 2023-06-01 .. 2023-06-30, 60d from 2023-05-02, 90d from 2023-04-02.
-- Uninstalled {ago: 30d..}: on 2023-05-31 or before. Base: adults.

-- base
SELECT user_id FROM users WHERE age >= 18;

-- pack: lifecycle.a_new
SELECT user_id FROM users
WHERE age >= 18 AND registered BETWEEN DATE '2023-06-01' AND DATE '2023-06-30';

-- pack: lifecycle.d1_uninstalled
SELECT user_id FROM users
WHERE age >= 18
  AND (registered IS NULL OR registered < DATE '2023-06-01')
  AND uninstalled <= DATE '2023-05-31';

-- pack: lifecycle.b1_active_unpaid
SELECT u.user_id FROM users u
WHERE u.age >= 18
  AND (u.registered IS NULL OR u.registered < DATE '2023-06-01')
  AND (u.uninstalled IS NULL OR u.uninstalled > DATE '2023-05-31')
  AND EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'open'
      AND e.day BETWEEN DATE '2023-06-01' AND DATE '2023-06-30'
  )
  AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'buy'
      AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  );

-- pack: lifecycle.b2_active_paid
SELECT u.user_id FROM users u
WHERE u.age >= 18
  AND (u.registered IS NULL OR u.registered < DATE '2023-06-01')
  AND (u.uninstalled IS NULL OR u.uninstalled > DATE '2023-05-31')
  AND EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'open'
      AND e.day BETWEEN DATE '2023-06-01' AND DATE '2023-06-30'
  )
  AND EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'buy'
      AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  );

-- pack: lifecycle.c1_silent
SELECT u.user_id FROM users u
JOIN (SELECT user_id, max(day) AS day FROM events WHERE action = 'open' AND day <= DATE '2023-06-30'
      GROUP BY user_id) opened USING (user_id)
WHERE u.age >= 18
  AND (u.registered IS NULL OR u.registered < DATE '2023-06-01')
  AND (u.uninstalled IS NULL OR u.uninstalled > DATE '2023-05-31')
  AND opened.day BETWEEN DATE '2023-05-02' AND DATE '2023-05-31';

-- pack: lifecycle.c2_silent
SELECT u.user_id FROM users u
JOIN (SELECT user_id, max(day) AS day FROM events WHERE action = 'open' AND day <= DATE '2023-06-30'
      GROUP BY user_id) opened USING (user_id)
WHERE u.age >= 18
  AND (u.registered IS NULL OR u.registered < DATE '2023-06-01')
  AND (u.uninstalled IS NULL OR u.uninstalled > DATE '2023-05-31')
  AND opened.day BETWEEN DATE '2023-04-02' AND DATE '2023-05-01';

-- pack: lifecycle.d2_at_rivals
SELECT u.user_id FROM users u
WHERE u.age >= 18
  AND (u.registered IS NULL OR u.registered < DATE '2023-06-01')
  AND (u.uninstalled IS NULL OR u.uninstalled > DATE '2023-05-31')
  AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'open'
      AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  )
  AND list_has_any(u.rival_apps, ['pdd', 'douyin', 'vip', 'jd']);

-- pack: lifecycle.d3_dormant
SELECT u.user_id FROM users u
WHERE u.age >= 18
  AND (u.registered IS NULL OR u.registered < DATE '2023-06-01')
  AND (u.uninstalled IS NULL OR u.uninstalled > DATE '2023-05-31')
  AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.user_id = u.user_id AND e.action = 'open'
      AND e.day BETWEEN DATE '2023-04-02' AND DATE '2023-06-30'
  )
  AND NOT coalesce(list_has_any(u.rival_apps, ['pdd', 'douyin', 'vip', 'jd']), false);
