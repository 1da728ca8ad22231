-- base
SELECT uid FROM users;
CREATE TEMP TABLE seen AS
SELECT uid, (SELECT max(day) FROM events e WHERE e.uid = u.uid AND day <= DATE '2024-02-15') AS last,
  CASE WHEN uid IN (SELECT a.uid FROM events a JOIN events b
      ON b.uid = a.uid AND b.nr <> a.nr AND b.ts >= a.ts AND b.day - a.day <= 7
      WHERE a.action = 'browse' AND b.action = 'buy' AND b.day <= DATE '2024-02-15') THEN 'later'
    WHEN uid IN (SELECT uid FROM events WHERE action = 'buy' AND day <= DATE '2024-02-15') THEN 'other'
    ELSE 'none' END AS buyer
FROM users u;

-- pack: recency.一周
SELECT uid FROM seen WHERE last >= DATE '2024-02-09';

-- pack: recency.一月
SELECT uid FROM seen WHERE last BETWEEN DATE '2024-01-17' AND DATE '2024-02-08';

-- pack: recency.曾经
SELECT uid FROM seen WHERE last < DATE '2024-01-17';

-- pack: recency.从未
SELECT uid FROM seen WHERE last IS NULL;

-- pack: buyers.later
SELECT uid FROM seen WHERE buyer = 'later';

-- pack: buyers.other
SELECT uid FROM seen WHERE buyer = 'other';

-- pack: buyers.none
SELECT uid FROM seen WHERE buyer = 'none';
