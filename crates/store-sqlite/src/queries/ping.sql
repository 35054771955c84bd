SELECT count(*) FROM migrations;
