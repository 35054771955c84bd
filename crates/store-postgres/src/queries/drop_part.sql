DELETE FROM parts WHERE job = $1 AND number = $2;
