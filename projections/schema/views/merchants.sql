CREATE OR REPLACE VIEW kipay.merchants
(
    id Int64 COMMENT 'The merchant''s number',
    merchant_id Int64 COMMENT 'The same, by the name that other tables have for it',
    name String COMMENT 'Personal: the business name',
    time_zone LowCardinality(String) COMMENT 'Where the merchant''s calendar days are counted',
    default_channel_id Int64 COMMENT 'The channel used when a request names none, 0 for none',
    created_at DateTime64(3, 'UTC') COMMENT 'When the merchant was opened',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT id, id AS merchant_id, name, time_zone, default_channel_id, created_at, version AS position
FROM kipay.merchants_gN FINAL
COMMENT 'Merchants, each once, as they are now';
