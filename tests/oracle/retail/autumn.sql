-- Written by hand from the wording of the packs, not from the rules: DuckDB over
--   users   data/users.parquet
--   events  data/events/, with `day`, the local day, as a DATE
-- as_of is 2017-10-31: 60 days are 2017-09-02 .. 2017-10-31, 90 days 2017-08-03 .. 2017-10-31.
-- Money is summed in whole cents.

-- base
SELECT household_id FROM users
WHERE household_id IN (
    SELECT household_id FROM events WHERE action = 'visit' AND day <= DATE '2017-10-31');

-- pack: heavy
SELECT household_id FROM events
WHERE action = 'visit' AND day BETWEEN DATE '2017-08-03' AND DATE '2017-10-31'
GROUP BY household_id
HAVING sum(round(sales_value * 100)::BIGINT) >= 75000;

-- pack: regular
SELECT household_id FROM events
WHERE action = 'visit' AND day BETWEEN DATE '2017-08-03' AND DATE '2017-10-31'
GROUP BY household_id
HAVING sum(round(sales_value * 100)::BIGINT) >= 15000
   AND sum(round(sales_value * 100)::BIGINT) < 75000;

-- pack: light
SELECT household_id FROM events
WHERE action = 'visit' AND day BETWEEN DATE '2017-08-03' AND DATE '2017-10-31'
GROUP BY household_id
HAVING sum(round(sales_value * 100)::BIGINT) < 15000;

-- pack: away
SELECT household_id FROM events
WHERE action = 'visit' AND day <= DATE '2017-10-31'
GROUP BY household_id
HAVING max(day) < DATE '2017-08-03';

-- pack: fading_heavy
SELECT household_id FROM events
WHERE action = 'visit' AND day BETWEEN DATE '2017-01-01' AND DATE '2017-10-31'
GROUP BY household_id
HAVING sum(CASE WHEN day <= DATE '2017-06-30'
                THEN round(sales_value * 100)::BIGINT ELSE 0 END) >= 100000
   AND sum(CASE WHEN day >= DATE '2017-09-02'
                THEN round(sales_value * 100)::BIGINT ELSE 0 END) <= 10000;

-- pack: summer_responders
SELECT DISTINCT sent.household_id
FROM events AS sent
JOIN events AS used ON used.household_id = sent.household_id
JOIN events AS came ON came.household_id = sent.household_id
WHERE sent.action = 'campaign' AND sent.campaign_id = 13 AND sent.day <= DATE '2017-10-31'
  AND used.action = 'redeem' AND used.campaign_id = 13 AND used.day <= DATE '2017-10-31'
  AND came.action = 'visit' AND came.day <= DATE '2017-10-31';
