SELECT id, key_check
FROM installation;
