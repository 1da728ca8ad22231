-- base
SELECT uid FROM users;

-- pack: latest_active
SELECT uid FROM users JOIN tie USING (uid) WHERE last_active IS NOT NULL
ORDER BY last_active_day DESC, h LIMIT 130;

-- pack: earliest_active
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 16
ORDER BY last_active_day ASC NULLS LAST, h LIMIT 100;

-- pack: latest_seen
SELECT uid FROM users JOIN tie USING (uid) WHERE seen_at IS NOT NULL
ORDER BY seen_at_day DESC, h LIMIT 140;
