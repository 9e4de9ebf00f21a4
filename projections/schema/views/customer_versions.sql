CREATE OR REPLACE VIEW kipay.customer_versions
(
    id Int64 COMMENT 'The customer''s number',
    merchant_id Int64 COMMENT 'The merchant',
    email String COMMENT 'Personal',
    first_name String COMMENT 'Personal',
    last_name String COMMENT 'Personal',
    phone String COMMENT 'Personal',
    created_at DateTime64(3, 'UTC') COMMENT 'When the customer was opened',
    updated_at DateTime64(3, 'UTC') COMMENT 'When the details became so',
    position UInt64 COMMENT 'The event''s position in the log'
)
AS SELECT id, merchant_id, email, first_name, last_name, phone, created_at, updated_at, version AS position
FROM kipay.customer_versions_gN FINAL
COMMENT 'What each customer looked like after each change';
