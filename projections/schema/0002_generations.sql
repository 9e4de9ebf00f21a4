CREATE TABLE IF NOT EXISTS kipay.generations
(
    sequence UInt64 COMMENT 'Grows with every line: nanoseconds since 1970 when it was written',
    generation UInt32 COMMENT 'The number that the tables of the generation end in',
    state LowCardinality(String) COMMENT 'building, serving or dropped; the newest line with serving says which one serves',
    layout UInt32 COMMENT 'The version of the tables'' layout',
    position UInt64 COMMENT 'How far in the log the generation was when the line was written',
    at DateTime64(3, 'UTC') COMMENT 'When the line was written'
)
ENGINE = ReplacingMergeTree
ORDER BY (sequence, generation, state)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'The life of each generation of tables';
