SELECT number FROM parts WHERE job = ?1 ORDER BY number;
