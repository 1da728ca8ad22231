-- Phase 2, as of 2023-04-30: tags alone.
-- registered {ago: 1y..}: on 2022-04-30 or before; {ago: 0d..180d}: 2022-11-01 .. 2023-04-30.

-- base
SELECT user_id FROM users WHERE age >= 18;

-- pack: jd_5k_plus
SELECT user_id FROM users WHERE age >= 18 AND jd_value >= 5000 AND plus;

-- pack: deep_pockets
SELECT user_id FROM users
WHERE age >= 18
  AND (purchasing_power = '土豪' OR (purchasing_power = '高级白领' AND ltv >= 30000));

-- pack: 有房U有车
SELECT user_id FROM users
WHERE age >= 18
  AND (house_owner OR car_owner)
  AND purchasing_power IN ('土豪', '高级白领', '小白领');

-- pack: educated_young_men
SELECT user_id FROM users
WHERE age BETWEEN 21 AND 30
  AND city_tier IN ('1', 'new1')
  AND (education = '硕士' OR education = '博士')
  AND gender = 'M'
  AND marital = 'single';

-- pack: city_gen_z
SELECT user_id FROM users
WHERE age >= 18
  AND target_group = '都市Z世代'
  AND list_has_any(interests, ['gaming', 'digital', 'sports', 'beauty'])
  AND device_price >= 1000
  AND device_price < 8000;

-- pack: core_of_five
SELECT user_id FROM users
WHERE age >= 18
  AND (
    coalesce((jd_value >= 5000 AND plus)::INT, 0)
    + coalesce((purchasing_power = '土豪'
                OR (purchasing_power = '高级白领' AND ltv >= 30000))::INT, 0)
    + coalesce(((house_owner OR car_owner)
                AND purchasing_power IN ('土豪', '高级白领', '小白领'))::INT, 0)
    + coalesce((age BETWEEN 21 AND 30 AND city_tier IN ('1', 'new1')
                AND education IN ('硕士', '博士') AND gender = 'M' AND marital = 'single')::INT, 0)
    + coalesce((target_group = '都市Z世代'
                AND list_has_any(interests, ['gaming', 'digital', 'sports', 'beauty'])
                AND device_price BETWEEN 1000 AND 7999)::INT, 0)
  ) >= 2;

-- pack: strivers_upgraded
WITH strivers AS (
  SELECT * FROM users
  WHERE city_tier IN ('1', 'new1')
    AND age BETWEEN 25 AND 35
    AND device_brand IN ('Huawei', 'Apple')
    AND NOT coalesce(house_owner, false)
    AND (
      occupation LIKE '%白领%'
      OR occupation IN ('互联网从业者', '企业管理者')
      OR (occupation IS NULL AND purchasing_power IN ('高级白领', '小白领'))
    )
)
SELECT user_id FROM strivers WHERE jd_value >= 5000 AND plus
UNION
SELECT user_id FROM strivers WHERE purchasing_power = '土豪'
UNION
SELECT user_id FROM strivers WHERE purchasing_power = '高级白领' AND ltv >= 30000
UNION
-- none of them is known to own a home
SELECT user_id FROM strivers
WHERE car_owner AND purchasing_power IN ('土豪', '高级白领', '小白领')
UNION
SELECT user_id FROM strivers
WHERE age <= 30 AND education IN ('硕士', '博士') AND gender = 'M' AND marital = 'single'
UNION
SELECT user_id FROM strivers
WHERE target_group = '都市Z世代'
  AND list_has_any(interests, ['gaming', 'digital', 'sports', 'beauty'])
  AND device_price >= 1000 AND device_price < 8000;

-- pack: full_price_fans
SELECT user_id FROM users
WHERE age >= 18
  AND ltv >= 10000
  AND NOT coalesce(promo_sensitivity >= 0.5 AND NOT isnan(promo_sensitivity), false)
  AND review_sensitivity >= 0.3
  AND review_sensitivity <= 0.9
  AND registered <= DATE '2022-04-30';

-- pack: camera_lovers
SELECT user_id FROM users
WHERE age >= 18
  AND (
    (list_contains(interests, 'travel') AND list_contains(interests, 'cars'))
    OR list_contains(interests, 'photography')
  )
  AND (has_children IS NULL OR NOT has_children)
  AND (province IS NULL OR province NOT IN ('西藏', '青海'));

-- pack: promising_newcomers
SELECT user_id FROM users
WHERE age >= 18
  AND registered BETWEEN DATE '2022-11-01' AND DATE '2023-04-30'
  AND (jd_value >= 1500 OR member_level >= 2)
  AND occupation IS DISTINCT FROM '学生'
  AND NOT coalesce(target_group LIKE '%银发', false);
