-- base
SELECT uid FROM users WHERE jd_value >= 1000;
CREATE TEMP TABLE new_there AS
SELECT uid FROM users WHERE age >= 18 AND registered BETWEEN DATE '2024-01-18' AND DATE '2024-02-16';
CREATE TEMP TABLE top_there AS
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18
ORDER BY jd_value DESC NULLS LAST, h LIMIT 100;
CREATE TEMP TABLE here AS SELECT * FROM users WHERE jd_value >= 1000;

-- pack: new_there
SELECT uid FROM here WHERE uid IN (SELECT uid FROM new_there);

-- pack: new_there_in_full
SELECT uid FROM here WHERE uid IN (SELECT uid FROM new_there);

-- pack: not_new_there
SELECT uid FROM here WHERE uid NOT IN (SELECT uid FROM new_there);

-- pack: not_high_there
SELECT uid FROM here WHERE age >= 18 AND jd_value < 15000;

-- pack: top_there
SELECT uid FROM here WHERE uid IN (SELECT uid FROM top_there);

-- pack: not_top_there
SELECT uid FROM here WHERE uid NOT IN (SELECT uid FROM top_there);

-- pack: treated_there
SELECT uid FROM here JOIN salted USING (uid) WHERE salt = 'oracle/halves' AND age >= 18
AND h * 10 >= 18446744073709551616;

-- pack: treated_top
SELECT uid FROM here JOIN salted USING (uid) WHERE salt = 'oracle/top'
AND h * 10 >= 3 * 18446744073709551616 AND uid NOT IN (SELECT uid FROM new_there)
AND uid IN (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18 AND jd_value >= 1
  ORDER BY jd_value DESC NULLS LAST, tie.h LIMIT 80);

-- pack: buyers_there
SELECT uid FROM here WHERE uid IN (SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 17
  AND uid IN (SELECT uid FROM events WHERE action = 'buy'
    AND day BETWEEN DATE '2024-01-18' AND DATE '2024-02-16')
  ORDER BY jd_value DESC NULLS LAST, h LIMIT 25);

-- pack: copy.new
SELECT uid FROM here WHERE uid IN (SELECT uid FROM new_there);

-- pack: copy.top
SELECT uid FROM here WHERE uid IN (SELECT uid FROM top_there)
AND uid NOT IN (SELECT uid FROM new_there);

-- pack: copy.rest
SELECT uid FROM here WHERE uid NOT IN (SELECT uid FROM top_there)
AND uid NOT IN (SELECT uid FROM new_there);
