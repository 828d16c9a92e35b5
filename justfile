# Short names for what is typed often. CI runs `.ci/run`.

# What CI checks, without the browser
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo test --workspace

# The reference pages that follow from code
docs:
    cargo run -q -p server --example reference_pages

# Every page, filled with samples, to look at
pages FOLDER:
    cargo run -q -p templates --example pages {{FOLDER}}

# The program for AWS Lambda, in target/lambda; `just package arm64` builds for one architecture
package *ARCHITECTURES:
    deploy/package.sh {{ARCHITECTURES}}
