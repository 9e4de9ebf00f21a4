CREATE OR REPLACE VIEW kipay.customers
(
    id Int64 COMMENT 'The customer''s number',
    merchant_id Int64 COMMENT 'The merchant',
    email String COMMENT 'Personal',
    first_name String COMMENT 'Personal',
    last_name String COMMENT 'Personal',
    phone String COMMENT 'Personal',
    created_at DateTime64(3, 'UTC') COMMENT 'When the customer was opened',
    updated_at DateTime64(3, 'UTC') COMMENT 'When the details last changed',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT id, merchant_id, email, first_name, last_name, phone, created_at, updated_at, version AS position
FROM kipay.customers_gN FINAL
COMMENT 'The merchants'' customers, each once, as they are now';
