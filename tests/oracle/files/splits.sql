-- base
SELECT uid FROM users WHERE age >= 18;
CREATE TEMP TABLE shares AS SELECT salt, uid, h * 1000000 AS at FROM salted;
CREATE TEMP TABLE top_80 AS
SELECT uid FROM users JOIN tie USING (uid) WHERE age >= 18 AND jd_value >= 1
ORDER BY jd_value DESC NULLS LAST, h LIMIT 80;
CREATE TEMP TABLE sides AS
SELECT uid, 'halves.' || CASE WHEN "at" < 100000 * 18446744073709551616 THEN 'control'
  ELSE 'treatment' END AS side
FROM users JOIN shares USING (uid) WHERE salt = 'oracle/halves' AND age >= 18 AND jd_value IS NOT NULL
UNION ALL
SELECT uid, 'thirds.' || CASE WHEN "at" < 333333 * 18446744073709551616 THEN 'a'
  WHEN "at" < 666666 * 18446744073709551616 THEN 'b' ELSE 'c' END
FROM users JOIN shares USING (uid) WHERE salt = 'oracle/thirds' AND age >= 18 AND plus
UNION ALL
SELECT uid, 'top.' || CASE WHEN "at" < 300000 * 18446744073709551616 THEN 'control'
  ELSE 'treatment' END
FROM top_80 JOIN shares USING (uid) WHERE salt = 'oracle/top';

-- pack: halves
SELECT uid FROM users WHERE age >= 18 AND jd_value IS NOT NULL;

-- pack: halves.control
SELECT uid FROM sides WHERE side = 'halves.control';

-- pack: halves.treatment
SELECT uid FROM sides WHERE side = 'halves.treatment';

-- pack: thirds.a
SELECT uid FROM sides WHERE side = 'thirds.a';

-- pack: thirds.b
SELECT uid FROM sides WHERE side = 'thirds.b';

-- pack: thirds.c
SELECT uid FROM sides WHERE side = 'thirds.c';

-- pack: seeded.x
SELECT uid FROM users JOIN shares USING (uid)
WHERE salt = 'spring' AND age >= 18 AND plus AND "at" < 500000 * 18446744073709551616;

-- pack: seeded.y
SELECT uid FROM users JOIN shares USING (uid)
WHERE salt = 'spring' AND age >= 18 AND plus AND "at" >= 500000 * 18446744073709551616;

-- pack: seeded_alike.x
SELECT uid FROM users JOIN shares USING (uid)
WHERE salt = 'spring' AND age >= 18 AND plus = false AND "at" < 500000 * 18446744073709551616;

-- pack: seeded_number.x
SELECT uid FROM users JOIN shares USING (uid)
WHERE salt = '2024' AND age >= 18 AND plus AND "at" < 200000 * 18446744073709551616;

-- pack: tiny.多 (the names' order: 多 before 少)
SELECT uid FROM users JOIN shares USING (uid)
WHERE salt = 'oracle/tiny' AND age >= 18 AND "at" < 995000 * 18446744073709551616;

-- pack: tiny.少
SELECT uid FROM users JOIN shares USING (uid)
WHERE salt = 'oracle/tiny' AND age >= 18 AND "at" >= 995000 * 18446744073709551616;

-- pack: top
SELECT uid FROM top_80;

-- pack: top.control
SELECT uid FROM sides WHERE side = 'top.control';

-- pack: top.treatment
SELECT uid FROM sides WHERE side = 'top.treatment';

-- pack: treated
SELECT uid FROM sides WHERE side = 'halves.treatment';

-- pack: controls
SELECT DISTINCT uid FROM sides WHERE side IN ('halves.control', 'top.control');

-- pack: top_treated_of_halves
SELECT uid FROM sides WHERE side = 'top.treatment'
INTERSECT SELECT uid FROM sides WHERE side = 'halves.treatment'
EXCEPT SELECT uid FROM sides WHERE side = 'thirds.a';

-- pack: not_treated
SELECT uid FROM users WHERE age >= 18
AND uid NOT IN (SELECT uid FROM sides WHERE side = 'halves.treatment');

-- pack: split_of_a_side.one
SELECT uid FROM sides JOIN shares USING (uid) WHERE side = 'halves.treatment'
AND salt = 'oracle/split_of_a_side' AND "at" < 500000 * 18446744073709551616;

-- pack: split_of_a_side.two
SELECT uid FROM sides JOIN shares USING (uid) WHERE side = 'halves.treatment'
AND salt = 'oracle/split_of_a_side' AND "at" >= 500000 * 18446744073709551616;
