-- Phase 1, as of 2023-02-28: tags alone.

-- base
SELECT user_id FROM users WHERE age >= 18;

-- pack: settled_families
SELECT user_id FROM users
WHERE age >= 18
  AND city_tier IN ('3', '4', '5')
  AND age BETWEEN 31 AND 40
  AND marital = 'married'
  AND house_owner
  AND device_brand IN ('OPPO', 'vivo', 'Honor');

-- pack: city_strivers
SELECT user_id FROM users
WHERE age >= 18
  AND city_tier IN ('1', 'new1')
  AND age BETWEEN 25 AND 35
  AND device_brand IN ('Huawei', 'Apple')
  AND house_owner IS DISTINCT FROM true
  AND (
    contains(occupation, '白领')
    OR occupation IN ('互联网从业者', '企业管理者')
    OR (occupation IS NULL AND purchasing_power IN ('高级白领', '小白领'))
  );

-- pack: flagship_rivals
SELECT user_id FROM users
WHERE age >= 18
  AND device_brand IS NOT NULL
  AND device_brand <> 'Xiaomi'
  AND device_brand <> 'Redmi'
  AND device_price >= 4000
  AND (purchasing_power IS NULL OR purchasing_power NOT IN ('蓝领', '收入很少'))
  AND member_level > 1
  AND member_level <= 5;

-- pack: upgrade_ready
SELECT user_id FROM users
WHERE age >= 18
  AND device_brand IS NOT NULL
  AND device_brand NOT IN ('Xiaomi', 'Redmi')
  AND device_price BETWEEN 2000 AND 3999
  AND (
    list_contains(interests, 'digital')
    OR list_contains(interests, 'gaming')
    OR list_contains(interests, 'photography')
  )
  AND gender = 'M'
  AND promo_sensitivity > 0.25
  AND NOT isnan(promo_sensitivity);

-- pack: 小镇青年换机
SELECT user_id FROM users
WHERE age >= 18
  AND target_group LIKE '小镇%'
  AND age BETWEEN 18 AND 30
  AND device_price <= 2499
  AND device_brand IS DISTINCT FROM 'Apple'
  AND education IS DISTINCT FROM '高中及以下'
  AND NOT coalesce(
    device_brand NOT IN ('Xiaomi', 'Redmi') AND device_price >= 2000
    AND list_has_any(interests, ['digital', 'gaming', 'photography'])
    AND gender = 'M' AND promo_sensitivity > 0.25 AND NOT isnan(promo_sensitivity),
    false
  );

-- pack: all_rivals
SELECT user_id FROM users
WHERE age >= 18
  AND (
    (
      city_tier IN ('3', '4', '5') AND age BETWEEN 31 AND 40 AND marital = 'married'
      AND house_owner AND device_brand IN ('OPPO', 'vivo', 'Honor')
    )
    OR (
      city_tier IN ('1', 'new1') AND age BETWEEN 25 AND 35
      AND device_brand IN ('Huawei', 'Apple') AND NOT coalesce(house_owner, false)
      AND (
        occupation LIKE '%白领%'
        OR occupation IN ('互联网从业者', '企业管理者')
        OR (occupation IS NULL AND purchasing_power IN ('高级白领', '小白领'))
      )
    )
    OR (
      device_brand IN ('Huawei', 'Honor', 'OPPO', 'vivo', 'Apple', 'Samsung')
      AND device_price >= 4000
      AND coalesce(purchasing_power, '?') IN ('土豪', '高级白领', '小白领', '?')
      AND member_level BETWEEN 2 AND 5
    )
    OR (
      device_brand IN ('Huawei', 'Honor', 'OPPO', 'vivo', 'Apple', 'Samsung')
      AND device_price BETWEEN 2000 AND 3999
      AND list_has_any(interests, ['digital', 'gaming', 'photography'])
      AND gender = 'M' AND promo_sensitivity > 0.25 AND NOT isnan(promo_sensitivity)
    )
    OR (
      -- what this pack leaves to upgrade_ready is in the union by that one
      starts_with(target_group, '小镇') AND age BETWEEN 18 AND 30 AND device_price <= 2499
      AND coalesce(device_brand, '?') <> 'Apple' AND coalesce(education, '?') <> '高中及以下'
    )
  );
