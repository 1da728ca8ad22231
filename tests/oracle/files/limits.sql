-- base
SELECT uid FROM users WHERE age >= 17;

-- pack: top_jd
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND age >= 18
ORDER BY jd_value DESC NULLS LAST, h LIMIT 100;

-- pack: top_jd_by_default
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND age >= 18
ORDER BY jd_value DESC NULLS LAST, h LIMIT 90;

-- pack: bottom_jd
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND age >= 18
ORDER BY jd_value ASC NULLS LAST, h LIMIT 100;

-- pack: jd_ties
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND jd_value BETWEEN 5000 AND 10000
ORDER BY jd_value DESC NULLS LAST, h LIMIT 33;

-- pack: top_age_is_all_ties
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND age = 30
ORDER BY h LIMIT 5;

-- pack: by_score
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND plus
ORDER BY score DESC NULLS LAST, h LIMIT 60;

-- pack: by_score_asc
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND plus
ORDER BY score ASC NULLS LAST, h LIMIT 60;

-- pack: score_zeros
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND score = 0
ORDER BY h LIMIT 11;

-- pack: missing_are_last
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND (score IS NULL OR score >= 100)
ORDER BY score DESC NULLS LAST, h LIMIT 70;

-- pack: missing_are_last_asc
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND (score IS NULL OR score <= 0)
ORDER BY score + 0.0 ASC NULLS LAST, h LIMIT 75;

-- pack: only_missing
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND balance IS NULL
ORDER BY h LIMIT 10;

-- pack: by_ratio
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND age >= 18
ORDER BY ratio DESC NULLS LAST, h LIMIT 150;

-- pack: by_balance
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND age >= 18
ORDER BY balance ASC NULLS LAST, h LIMIT 50;

-- pack: by_registered
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND age >= 18
ORDER BY registered DESC NULLS LAST, h LIMIT 120;

-- pack: by_registered_asc
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND age >= 18
ORDER BY registered ASC NULLS LAST, h LIMIT 40;

-- pack: by_nothing
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND age >= 18
ORDER BY h LIMIT 77;

-- pack: by_nothing_more
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND age >= 18
ORDER BY h LIMIT 177;

-- pack: with_unit
SELECT uid FROM users WHERE age >= 18;

-- pack: one
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND plus AND jd_value >= 1
ORDER BY jd_value DESC NULLS LAST, h LIMIT 1;

-- pack: of_events
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND uid IN (
  SELECT uid FROM past_events WHERE action = 'buy' AND day >= DATE '2024-02-01')
ORDER BY jd_value DESC NULLS LAST, h LIMIT 25;

-- pack: named
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18
ORDER BY jd_value DESC NULLS LAST, h LIMIT 100;

-- pack: named_not
WITH top_jd AS (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18
ORDER BY jd_value DESC NULLS LAST, h LIMIT 100)
SELECT uid FROM users WHERE age >= 17 AND uid NOT IN (SELECT uid FROM top_jd);

-- pack: named_minus
WITH top_jd AS (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18
ORDER BY jd_value DESC NULLS LAST, h LIMIT 100)
SELECT uid FROM users WHERE age >= 17 AND jd_value >= 5000
AND uid NOT IN (SELECT uid FROM top_jd);

-- pack: named_any
WITH top_jd AS (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18
ORDER BY jd_value DESC NULLS LAST, h LIMIT 100),
bottom_jd AS (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18
ORDER BY jd_value ASC NULLS LAST, h LIMIT 100),
one AS (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND plus AND jd_value >= 1
ORDER BY jd_value DESC NULLS LAST, h LIMIT 1)
SELECT uid FROM top_jd UNION SELECT uid FROM bottom_jd UNION SELECT uid FROM one;

-- pack: named_all
WITH top_jd AS (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18
ORDER BY jd_value DESC NULLS LAST, h LIMIT 100)
SELECT uid FROM users WHERE plus AND uid IN (SELECT uid FROM top_jd);

-- pack: limit_of_a_limit
WITH top_jd AS (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18
ORDER BY jd_value DESC NULLS LAST, h LIMIT 100)
SELECT uid FROM users JOIN tie USING (uid) WHERE uid IN (SELECT uid FROM top_jd)
ORDER BY age ASC NULLS LAST, h LIMIT 20;

-- pack: below_the_top
WITH top_jd AS (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18
ORDER BY jd_value DESC NULLS LAST, h LIMIT 100)
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18
AND uid NOT IN (SELECT uid FROM top_jd) ORDER BY jd_value DESC NULLS LAST, h LIMIT 100;

-- pack: at_least_two
WITH top_jd AS (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18
ORDER BY jd_value DESC NULLS LAST, h LIMIT 100),
by_score AS (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17 AND plus
ORDER BY score DESC NULLS LAST, h LIMIT 60),
by_registered AS (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18
ORDER BY registered DESC NULLS LAST, h LIMIT 120)
SELECT uid FROM users WHERE (uid IN (SELECT uid FROM top_jd))::INT
+ (uid IN (SELECT uid FROM by_score))::INT + (uid IN (SELECT uid FROM by_registered))::INT >= 2;
