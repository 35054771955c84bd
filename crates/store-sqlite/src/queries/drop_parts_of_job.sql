DELETE FROM parts WHERE job = ?1;
