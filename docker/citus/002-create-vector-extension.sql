-- Run once on each node, after the image's own 001-create-citus-extension.sql.
CREATE EXTENSION vector;
