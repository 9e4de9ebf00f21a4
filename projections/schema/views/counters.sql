CREATE OR REPLACE VIEW kipay.counters AS
SELECT * FROM kipay.counters_gN FINAL
COMMENT 'How many there are of what lists show';
