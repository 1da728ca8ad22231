-- base
SELECT uid FROM users WHERE age >= 18;
CREATE TEMP TABLE life AS
SELECT uid, CASE
    WHEN (registered BETWEEN DATE '2024-02-01' AND DATE '2024-03-01') IS TRUE THEN 'new'
    WHEN uid IN (SELECT uid FROM past_events WHERE action = 'browse' AND day >= DATE '2024-02-01')
      AND uid NOT IN (SELECT uid FROM past_events WHERE action = 'buy') THEN 'active_unpaid'
    WHEN uid IN (SELECT uid FROM past_events WHERE action = 'browse' AND day >= DATE '2024-02-01')
      THEN 'active_paid'
    ELSE 'lost' END AS stage,
  (jd_value >= 15000) IS TRUE AS high,
  uid IN (SELECT uid FROM past_events WHERE day >= DATE '2024-02-01'
          GROUP BY uid HAVING count(*) >= 5) AS busy,
  CASE WHEN plus IS TRUE THEN 'a' WHEN (jd_value >= 5000) IS TRUE THEN 'b' ELSE 'rest' END AS fm
FROM users WHERE age >= 18;

-- pack: lifecycle.new
SELECT uid FROM life WHERE stage = 'new';

-- pack: lifecycle.active_unpaid
SELECT uid FROM life WHERE stage = 'active_unpaid';

-- pack: lifecycle.active_paid
SELECT uid FROM life WHERE stage = 'active_paid';

-- pack: lifecycle.lost
SELECT uid FROM life WHERE stage = 'lost';

-- pack: lifecycle.active_paid.control
SELECT life.uid FROM life JOIN salted s ON s.uid = life.uid AND s.salt = 'oracle/lifecycle.active_paid'
WHERE stage = 'active_paid' AND s.h * 4 < 18446744073709551616;

-- pack: lifecycle.active_paid.treatment
SELECT life.uid FROM life JOIN salted s ON s.uid = life.uid AND s.salt = 'oracle/lifecycle.active_paid'
WHERE stage = 'active_paid' AND s.h * 4 >= 18446744073709551616;

-- pack: 价值.高
SELECT uid FROM life WHERE high;

-- pack: 价值.低
SELECT uid FROM life WHERE NOT high;

-- pack: first_match.a
SELECT uid FROM life WHERE fm = 'a';

-- pack: first_match.b
SELECT uid FROM life WHERE fm = 'b';

-- pack: first_match.c (nobody: a and b come first)
SELECT uid FROM life WHERE false;

-- pack: first_match.rest
SELECT uid FROM life WHERE fm = 'rest';

-- pack: twice_over.from_a_stage
SELECT uid FROM life WHERE stage = 'new' AND high;

-- pack: twice_over.from_a_pack
SELECT uid FROM life WHERE stage <> 'new';

-- pack: twice_over.others
SELECT uid FROM life WHERE stage = 'new' AND NOT high;

-- pack: not_new
SELECT uid FROM life WHERE stage <> 'new';

-- pack: new_or_lost
SELECT uid FROM life WHERE stage IN ('new', 'lost');

-- pack: paid_and_busy
SELECT uid FROM life WHERE stage = 'active_paid' AND busy;

-- pack: high_less_lost
SELECT uid FROM life WHERE high AND stage <> 'lost';

-- pack: two_of_three
SELECT uid FROM life WHERE (stage = 'new')::INT + high::INT + busy::INT >= 2;

-- pack: side_of_a_stage
SELECT life.uid FROM life JOIN salted s ON s.uid = life.uid AND s.salt = 'oracle/lifecycle.active_paid'
WHERE stage = 'active_paid' AND s.h * 4 >= 18446744073709551616 AND NOT busy;
