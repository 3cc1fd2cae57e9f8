-- One text for SQLite and PostgreSQL: SQLite takes any name for a type, and keeps bytes as bytes.
CREATE TABLE clients (
    spiffe_id TEXT NOT NULL PRIMARY KEY,
    admitted BOOLEAN NOT NULL,
    version VARCHAR(20) NOT NULL,
    floor VARCHAR(20) NOT NULL,
    seen_at BIGINT
);

CREATE TABLE devices (
    spiffe_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    document TEXT NOT NULL,
    announced_at BIGINT NOT NULL,
    PRIMARY KEY (spiffe_id, device_id)
);

CREATE TABLE applications (
    id TEXT NOT NULL,
    version TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (id, version)
);

CREATE TABLE deployments (
    id TEXT NOT NULL PRIMARY KEY,
    spiffe_id TEXT NOT NULL,
    assignment TEXT NOT NULL,
    document BYTEA NOT NULL,
    withdrawn BOOLEAN NOT NULL,
    changed_in VARCHAR(20) NOT NULL,
    components TEXT NOT NULL,
    status TEXT,
    reported_at BIGINT
);

CREATE INDEX deployments_of_client ON deployments (spiffe_id);

CREATE TABLE manifests (
    spiffe_id TEXT NOT NULL,
    version VARCHAR(20) NOT NULL,
    content BYTEA NOT NULL,
    superseded_at BIGINT,
    PRIMARY KEY (spiffe_id, version)
);

CREATE TABLE artifacts (
    spiffe_id TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    content BYTEA NOT NULL,
    superseded_at BIGINT,
    PRIMARY KEY (spiffe_id, name, digest)
);

CREATE TABLE requests (
    request_id TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL,
    answer TEXT NOT NULL,
    answered_at BIGINT NOT NULL
);

CREATE TABLE trust_bundles (
    sequence BIGINT NOT NULL PRIMARY KEY,
    roots TEXT NOT NULL,
    file_digest TEXT NOT NULL
);

CREATE TABLE enrolments (
    code_digest TEXT NOT NULL PRIMARY KEY,
    spiffe_id TEXT NOT NULL,
    key_digest TEXT,
    approved BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
