CREATE OR REPLACE VIEW kipay.transaction_versions AS
SELECT * FROM kipay.transaction_versions_gN FINAL
COMMENT 'What each payment looked like after each of its events';
