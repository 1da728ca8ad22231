-- Written by hand from the wording of the packs, not from the rules: DuckDB over
--   users   data/users.parquet
--   events  data/events/, with `day`, the local day, as a DATE
-- as_of is 2017-12-31: 8 weeks are 2017-11-06 .. 2017-12-31, 90 days 2017-10-03 .. 2017-12-31,
-- 180 days 2017-07-05 .. 2017-12-31. Money is summed in whole cents.
-- A line whose department is missing is not a line of FUEL: it counts for the base.

-- base
SELECT DISTINCT household_id FROM events
WHERE action = 'buy' AND day <= DATE '2017-12-31'
  AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS');

-- pack: heavy
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS'))
SELECT household_id FROM events SEMI JOIN base USING (household_id)
WHERE action = 'visit' AND day BETWEEN DATE '2017-10-03' AND DATE '2017-12-31'
GROUP BY household_id
HAVING sum(round(sales_value * 100)::BIGINT) >= 75000;

-- pack: regular
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS'))
SELECT household_id FROM events SEMI JOIN base USING (household_id)
WHERE action = 'visit' AND day BETWEEN DATE '2017-10-03' AND DATE '2017-12-31'
GROUP BY household_id
HAVING sum(round(sales_value * 100)::BIGINT) >= 15000
   AND sum(round(sales_value * 100)::BIGINT) < 75000;

-- pack: light
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS'))
SELECT household_id FROM events SEMI JOIN base USING (household_id)
WHERE action = 'visit' AND day BETWEEN DATE '2017-10-03' AND DATE '2017-12-31'
GROUP BY household_id
HAVING sum(round(sales_value * 100)::BIGINT) < 15000;

-- pack: away
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS'))
SELECT household_id FROM events SEMI JOIN base USING (household_id)
WHERE action = 'visit' AND day <= DATE '2017-12-31'
GROUP BY household_id
HAVING max(day) < DATE '2017-10-03';

-- pack: young_families
SELECT household_id FROM users
WHERE kids >= 1 AND age IN ('19-24', '25-34', '35-44')
  AND household_id IN (
    SELECT household_id FROM events
    WHERE action = 'buy' AND category = 'DIAPERS & DISPOSABLES'
      AND day BETWEEN DATE '2017-07-05' AND DATE '2017-12-31');

-- pack: hidden_families
SELECT household_id FROM users
WHERE (kids IS NULL OR kids = 0)
  AND household_id IN (
    SELECT household_id FROM events
    WHERE action = 'buy'
      AND category IN ('DIAPERS & DISPOSABLES', 'BABY FOODS', 'INFANT FORMULA')
      AND day BETWEEN DATE '2017-07-05' AND DATE '2017-12-31'
    GROUP BY household_id
    HAVING count(DISTINCT basket_id) >= 3);

-- pack: coupon_hunters
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS')),
signs AS (
    SELECT household_id FROM events
    WHERE action = 'buy' AND coupon_discount > 0 AND day <= DATE '2017-12-31'
    GROUP BY household_id HAVING count(DISTINCT basket_id) >= 10
    UNION ALL
    SELECT household_id FROM events
    WHERE action = 'redeem' AND day <= DATE '2017-12-31'
    GROUP BY household_id HAVING count(*) >= 5
    UNION ALL
    SELECT household_id FROM events
    WHERE action = 'visit' AND day <= DATE '2017-12-31'
    GROUP BY household_id HAVING sum(round(loyalty_discount * 100)::BIGINT) >= 50000)
SELECT household_id FROM signs SEMI JOIN base USING (household_id)
GROUP BY household_id HAVING count(*) >= 2;

-- pack: private_label_switchers
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS')),
spring AS (
    SELECT household_id FROM events
    WHERE action = 'buy' AND day BETWEEN DATE '2017-01-01' AND DATE '2017-06-30'
    GROUP BY household_id
    HAVING count(*) >= 50
       AND 10 * count(*) FILTER (brand = 'Private') <= 3 * count(brand)
       AND count(brand) > 0),
autumn AS (
    SELECT household_id FROM events
    WHERE action = 'buy' AND day BETWEEN DATE '2017-10-03' AND DATE '2017-12-31'
    GROUP BY household_id
    HAVING count(*) >= 50
       AND 100 * count(*) FILTER (brand = 'Private') >= 35 * count(brand)
       AND count(brand) > 0)
SELECT household_id FROM spring SEMI JOIN autumn USING (household_id)
SEMI JOIN base USING (household_id);

-- pack: brand_loyalists
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS')),
spenders AS (
    SELECT household_id FROM events
    WHERE action = 'visit' AND day BETWEEN DATE '2017-10-03' AND DATE '2017-12-31'
    GROUP BY household_id HAVING sum(round(sales_value * 100)::BIGINT) >= 15000),
own_brand_buyers AS (
    SELECT household_id FROM events
    WHERE action = 'buy' AND brand = 'Private'
      AND day BETWEEN DATE '2017-10-03' AND DATE '2017-12-31'
    GROUP BY household_id HAVING count(*) > 5)
SELECT household_id FROM spenders SEMI JOIN base USING (household_id)
ANTI JOIN own_brand_buyers USING (household_id);

-- pack: wine_and_cheese
SELECT household_id FROM events
WHERE action = 'buy' AND day BETWEEN DATE '2017-10-03' AND DATE '2017-12-31'
GROUP BY household_id
HAVING count(DISTINCT CASE WHEN category IN ('DOMESTIC WINE', 'IMPORTED WINE')
                           THEN basket_id END) >= 2
   AND count(DISTINCT CASE WHEN department = 'DELI' AND category = 'CHEESES'
                           THEN basket_id END) >= 2;

-- pack: cross_sell
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS')),
often AS (
    SELECT household_id FROM events
    WHERE action = 'visit' AND day BETWEEN DATE '2017-10-03' AND DATE '2017-12-31'
    GROUP BY household_id HAVING count(*) >= 8),
narrow AS (
    SELECT household_id FROM events
    WHERE action = 'buy' AND day BETWEEN DATE '2017-10-03' AND DATE '2017-12-31'
      AND department IS NOT NULL
    GROUP BY household_id HAVING count(DISTINCT department) <= 4)
SELECT household_id FROM often SEMI JOIN narrow USING (household_id)
SEMI JOIN base USING (household_id);

-- pack: affluent_no_organic
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS')),
spenders AS (
    SELECT household_id FROM events
    WHERE action = 'visit' AND day BETWEEN DATE '2017-10-03' AND DATE '2017-12-31'
    GROUP BY household_id HAVING sum(round(sales_value * 100)::BIGINT) >= 15000),
organic AS (
    SELECT household_id FROM events
    WHERE action = 'buy' AND day BETWEEN DATE '2017-07-05' AND DATE '2017-12-31'
      AND (product_type LIKE '%ORGANIC%' OR category LIKE '%ORGANIC%'))
SELECT household_id FROM users
SEMI JOIN base USING (household_id)
SEMI JOIN spenders USING (household_id)
ANTI JOIN organic USING (household_id)
WHERE income IN ('100-124K', '125-149K', '150-174K', '175-199K', '200-249K', '250K+');

-- pack: big_baskets
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS'))
SELECT household_id FROM events SEMI JOIN base USING (household_id)
WHERE action = 'visit' AND day BETWEEN DATE '2017-11-06' AND DATE '2017-12-31'
  AND round(sales_value * 100)::BIGINT >= 10000
GROUP BY household_id HAVING count(*) >= 3;

-- pack: little_and_often
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS'))
SELECT household_id FROM events SEMI JOIN base USING (household_id)
WHERE action = 'visit' AND day BETWEEN DATE '2017-10-03' AND DATE '2017-12-31'
GROUP BY household_id
HAVING count(DISTINCT day) >= 20 AND max(round(sales_value * 100)::BIGINT) <= 4000;

-- pack: new_this_quarter
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS'))
SELECT household_id FROM events SEMI JOIN base USING (household_id)
WHERE action = 'buy'
GROUP BY household_id HAVING min(day) >= DATE '2017-10-01';

-- pack: pet_win_back
SELECT household_id FROM events
WHERE action = 'buy' AND category IN ('CAT FOOD', 'DOG FOODS') AND day <= DATE '2017-12-31'
GROUP BY household_id
HAVING max(day) < DATE '2017-10-01'
   AND count(DISTINCT CASE WHEN day >= DATE '2017-01-01' THEN day END) >= 6;

-- pack: campaign_18_redeemers
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS'))
SELECT household_id FROM events SEMI JOIN base USING (household_id)
WHERE campaign_id = 18 AND day <= DATE '2017-12-31'
GROUP BY household_id
HAVING count(*) FILTER (action = 'campaign') > 0 AND count(*) FILTER (action = 'redeem') > 0;

-- pack: campaign_18_silent
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS'))
SELECT household_id FROM events SEMI JOIN base USING (household_id)
WHERE campaign_id = 18 AND day <= DATE '2017-12-31'
GROUP BY household_id
HAVING count(*) FILTER (action = 'campaign') > 0 AND count(*) FILTER (action = 'redeem') = 0;

-- pack: repeat_redeemers
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS')),
answered AS (
    SELECT household_id, campaign_id FROM events
    WHERE campaign_id IN (13, 18) AND day <= DATE '2017-12-31'
    GROUP BY household_id, campaign_id
    HAVING count(*) FILTER (action = 'campaign') > 0 AND count(*) FILTER (action = 'redeem') > 0)
SELECT household_id FROM answered SEMI JOIN base USING (household_id)
GROUP BY household_id HAVING count(*) = 2;

-- pack: tired_of_mail
WITH base AS (
    SELECT DISTINCT household_id FROM events
    WHERE action = 'buy' AND coalesce(department, '?') NOT IN ('FUEL', 'MISCELLANEOUS'))
SELECT household_id FROM events SEMI JOIN base USING (household_id)
WHERE action IN ('campaign', 'redeem')
GROUP BY household_id
HAVING count(*) FILTER (action = 'campaign') >= 5
   AND count(DISTINCT campaign_type) FILTER (action = 'campaign') = 3
   AND count(*) FILTER (action = 'redeem') = 0;
