CREATE OR REPLACE VIEW kipay.merchants AS
SELECT * FROM kipay.merchants_gN FINAL
COMMENT 'Merchants, each once, as they are now';
