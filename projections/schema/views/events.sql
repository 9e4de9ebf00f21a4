CREATE OR REPLACE VIEW kipay.events AS
SELECT * FROM kipay.events_gN FINAL
COMMENT 'Every event of the log, sealed as it stands there';
