CREATE OR REPLACE VIEW kipay.channels
(
    id Int64 COMMENT 'The channel''s number',
    merchant_id Int64 COMMENT 'The merchant',
    name String COMMENT 'The merchant''s name for it',
    provider LowCardinality(String) COMMENT 'mpesa or paystack',
    environment LowCardinality(String) COMMENT 'sandbox or production',
    currency LowCardinality(String) COMMENT 'The currency taken when a request names none',
    shortcode String COMMENT 'The M-Pesa shortcode',
    till_number String COMMENT 'The M-Pesa till',
    is_active UInt8 COMMENT '1 while it takes new payments',
    is_default UInt8 COMMENT '1 when it is used where a request names none',
    c2b_registered UInt8 COMMENT '1 once the provider sends its customer payments here',
    funds LowCardinality(String) COMMENT 'Whose money comes through it: merchant (its own account) or pool (the operator''s)',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was opened',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT c.id AS id, c.merchant_id AS merchant_id, c.name AS name, c.provider AS provider, c.environment AS environment,
    c.currency AS currency, c.shortcode AS shortcode, c.till_number AS till_number, c.active AS is_active,
    toUInt8(m.default_channel_id = c.id) AS is_default, c.c2b_registered AS c2b_registered, c.funds AS funds,
    c.created_at AS created_at,
    c.version AS position
FROM kipay.channels_gN AS c FINAL
LEFT JOIN (SELECT id, default_channel_id FROM kipay.merchants_gN FINAL) AS m ON m.id = c.merchant_id
COMMENT 'Accounts at providers, each once, as they are now';
