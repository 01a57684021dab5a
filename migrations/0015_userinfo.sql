-- UserInfo takes only tokens that are for it. Where an older version let apps use those for an API as well, it goes on until
-- the operator says otherwise.
INSERT INTO instance (name, value) SELECT 'userinfo_any_api', 'true' FROM instance WHERE name = 'initialized_at';
