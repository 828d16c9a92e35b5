#!/usr/bin/env bash
# Builds the program for Lambda: target/lambda/keyward-arm64.zip and keyward-x86_64.zip, each with its SBOM.
#
#   deploy/package.sh [arm64|x86_64]...
#
# The same commit gives the same bytes, on any Linux machine and in any folder. For that, compilers and libraries are
# pinned here, in package.txt and in Cargo.lock, and no path of this machine gets into the program.
set -euo pipefail
cd "$(dirname "$0")/.."

rust=1.95.0
# Amazon Linux 2023 has it, and so has everything newer.
glibc=2.34
cyclonedx=0.5.9

say() { printf '\n== %s\n' "$*"; }

[ $# -gt 0 ] || set -- arm64 x86_64
targets=()
for architecture in "$@"; do
  case $architecture in
    arm64) targets+=(aarch64-unknown-linux-gnu) ;;
    x86_64) targets+=(x86_64-unknown-linux-gnu) ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

out=$PWD/target/lambda
tools=$out/tools
mkdir -p "$out"

say "tools"
rustup toolchain list | grep -q "^$rust-" || rustup toolchain install "$rust" --profile minimal --no-self-update
rustup target add --toolchain "$rust" "${targets[@]}"
export RUSTUP_TOOLCHAIN=$rust
if [ ! -e "$tools/python/installed" ] || ! cmp -s deploy/package.txt "$tools/python/installed"; then
  rm -rf "$tools/python"
  python3 -m venv "$tools/python"
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check --no-deps -r deploy/package.txt
  cp deploy/package.txt "$tools/python/installed"
fi
cargo install --quiet --locked --debug --root "$tools/cargo" "cargo-cyclonedx@$cyclonedx"
export PATH=$tools/python/bin:$tools/cargo/bin:$PATH

# The date of the commit, for whatever wants to know the time.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$out/build
home=${CARGO_HOME:-$HOME/.cargo}
sysroot=$(rustc --print sysroot)
export RUSTFLAGS="--remap-path-prefix=$PWD=/keyward --remap-path-prefix=$home=/cargo --remap-path-prefix=$sysroot=/rust"
export CFLAGS="-ffile-prefix-map=$PWD=/keyward -ffile-prefix-map=$home=/cargo"

for target in "${targets[@]}"; do
  case $target in aarch64*) architecture=arm64 ;; *) architecture=x86_64 ;; esac
  say "$architecture"
  # A function has no disk for SQLite.
  cargo zigbuild --profile function --locked --package server --bin keyward --no-default-features --target "$target.$glibc"
  program=$CARGO_TARGET_DIR/$target/function/keyward
  python3 - "$program" "$out/keyward-$architecture.zip" <<'END'
import sys
import zipfile

program, zip_file = sys.argv[1:]
# The earliest date that a zip file can have, so that the file depends on nothing but its contents.
part = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
part.external_attr = 0o100755 << 16
part.create_system = 3
with zipfile.ZipFile(zip_file, "w") as parts, open(program, "rb") as contents:
    parts.writestr(part, contents.read(), zipfile.ZIP_DEFLATED, 9)
END
  # It describes every package of the workspace, each in its own folder.
  contents=keyward-$architecture.cdx.json
  cargo cyclonedx --quiet --manifest-path server/Cargo.toml --no-default-features --target "$target" --format json \
    --override-filename "${contents%.json}"
  # It resolves the features of all packages of the workspace together; Cargo says which crates this program has.
  cargo tree --locked --package server --no-default-features --target "$target" --edges normal,build --prefix none \
    --no-dedupe --format '{p}' | python3 -c '
import json
import sys

listed, folder = sys.argv[1:]
has = {tuple(line.split()[:2]) for line in sys.stdin if line.strip()}
with open(listed) as text:
    bom = json.loads(text.read().replace(folder, "/keyward"))
bom["components"] = [it for it in bom["components"] if (it["name"], "v" + it["version"]) in has]
refs = {it["bom-ref"] for it in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
bom["dependencies"] = [it for it in bom["dependencies"] if it["ref"] in refs]
for it in bom["dependencies"]:
    it["dependsOn"] = [ref for ref in it.get("dependsOn", []) if ref in refs]
print(json.dumps(bom, indent=1))
' "server/$contents" "$PWD" >"$out/$contents"
  rm -- */"$contents"
  (cd "$out" && sha256sum "keyward-$architecture.zip" "build/$target/function/keyward" && du -k "keyward-$architecture.zip")
done
