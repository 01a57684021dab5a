# Few recipes; `scripts/test` needs no just.

# What must pass before a commit.
check:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings
    cargo test --locked

# Runs the server with demo data.
run *args:
    cargo run --release -- serve --dev {{args}}

# Everything, as continuous integration does.
test:
    scripts/test

# Speed against a server that answers a constant.
bench:
    cargo bench --bench hot_path
